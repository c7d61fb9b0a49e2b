// SPDX-License-Identifier: MIT
// Compiled once for each level of instruction set: rounding to the formats, which the calls have in common.
#include <awq/format/any_quantizer.hpp>
