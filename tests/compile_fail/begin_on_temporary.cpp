// SPDX-License-Identifier: MIT
// A run refers to its modifier, which must outlive it.
#include <awq/modifier.hpp>

void begin(std::span<awq::tracked_mapping> mappings)
{
    const awq::modifier<awq::smoothing_only<>> how;
    auto run = how.begin(mappings);
#ifdef AWQ_MUST_FAIL
    auto dangling = awq::modifier<awq::smoothing_only<>>{}.begin(mappings);
#endif
}
