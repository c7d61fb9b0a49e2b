// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
awq::modifier<awq::smoothing_only<>, awq::smooth_and_quantize<>> how;
#else
awq::modifier<awq::smoothing_only<>> how;
#endif
