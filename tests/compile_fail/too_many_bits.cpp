// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
awq::modifier<awq::smoothing_only<awq::integer_scheme<9, true>>> how;
#else
awq::modifier<awq::smoothing_only<awq::integer_scheme<8, true>>> how;
#endif
