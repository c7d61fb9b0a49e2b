// SPDX-License-Identifier: MIT
// Compiled once for each level of instruction set: the other calls that compute.
#include <awq/pipeline/evaluate_model.hpp>
#include <awq/pipeline/export.hpp>
#include <awq/pipeline/generate.hpp>
