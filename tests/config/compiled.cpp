// SPDX-License-Identifier: MIT
// The one unit that compiles the calls which the others have declared.
#define AWQ_IMPLEMENTATION
#include <awq/awq.hpp>
