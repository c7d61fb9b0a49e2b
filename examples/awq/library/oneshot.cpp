// SPDX-License-Identifier: MIT
// Compiled once for each level of instruction set: the call of the whole job.
#include <awq/run/predict.hpp>
