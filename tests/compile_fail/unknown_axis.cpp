// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

struct weather;
struct sunny {
#ifdef AWQ_MUST_FAIL
    using policy_axis = weather;
#else
    using policy_axis = awq::axis::group;
#endif
    static constexpr std::size_t columns() { return 64; }
};
awq::modifier<sunny> how;
