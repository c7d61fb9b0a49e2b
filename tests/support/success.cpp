// SPDX-License-Identifier: MIT
// What a function that succeeds compiles to; the size of its code is looked at.
#include <awq/support/result.hpp>

extern "C" void awq_test_success(awq::status* out) { ::new (static_cast<void*>(out)) awq::status{}; }
