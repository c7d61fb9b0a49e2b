// SPDX-License-Identifier: MIT
// Compiled once for all levels: the call of the whole job.
#include <awq/run/predict.hpp>
