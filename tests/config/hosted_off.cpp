// SPDX-License-Identifier: MIT
// With AWQ_HOSTED=0 the core is there, and a hosted header is one sentence.
#include <awq/core.hpp>
#ifdef AWQ_MUST_FAIL
#include <awq/io/json_reader.hpp>
#endif
