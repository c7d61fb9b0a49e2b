// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
awq::modifier<awq::serial_execution, awq::serial_execution> how;
#else
awq::modifier<awq::serial_execution> how;
#endif
