// SPDX-License-Identifier: MIT
// Compiled once for all levels: the other calls that compute.
#include <awq/run/evaluate_model.hpp>
#include <awq/run/export.hpp>
#include <awq/run/generate.hpp>
