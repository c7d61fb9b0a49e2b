// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

bool smooth(const awq::mapping& pair, awq::matrix_view<const float> x, [[maybe_unused]] awq::workspace memory)
{
    const awq::modifier<awq::smoothing_only<>> how;
#ifdef AWQ_MUST_FAIL
    return how.smooth(pair, x).has_value();
#else
    return how.smooth(pair, x, memory).has_value();
#endif
}
