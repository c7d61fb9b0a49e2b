// SPDX-License-Identifier: MIT
// The compiled mode: this unit and the next have the calls declared, and no heavy header with them.
#include <awq/awq.hpp>

#include <cstdio>

#if defined(XTENSOR_TENSOR_HPP) || defined(SIMDJSON_H) || defined(AWQ_PIPELINE_ONESHOT_HPP)
#error "the declarations include what is heavy"
#endif

bool refuses_to_run();

int main()
{
    const auto opened = awq::open_model("/does/not/exist");
    const bool refused = !opened && refuses_to_run();
    if (!refused) std::puts("a model that does not exist was used");
    return refused ? 0 : 1;
}
