// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
awq::modifier<int> how;
#else
awq::modifier<> how;
#endif
