// SPDX-License-Identifier: MIT
// Compiled once for each level of instruction set: the other calls that compute.
#include <awq/run/evaluate_model.hpp>
#include <awq/run/export.hpp>
#include <awq/run/generate.hpp>
