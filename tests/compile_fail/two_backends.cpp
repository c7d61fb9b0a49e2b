// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
awq::modifier<awq::span_backend, awq::span_backend> how;
#else
awq::modifier<awq::span_backend> how;
#endif
