// SPDX-License-Identifier: MIT
// Compiled once for each level of instruction set: where runs spend their time.
#include <awq/run/host_kernels.hpp>
