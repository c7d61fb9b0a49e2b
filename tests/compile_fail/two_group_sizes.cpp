// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
awq::modifier<awq::group_size<32>, awq::per_channel> how;
#else
awq::modifier<awq::group_size<32>> how;
#endif
