// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
awq::modifier<awq::group_size<0>> how;
#else
awq::modifier<awq::group_size<1>> how;
#endif
