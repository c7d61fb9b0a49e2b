// SPDX-License-Identifier: MIT
// Compiled once for all levels: what reads and writes files.
#include <awq/data/calibration_samples.hpp>
#include <awq/data/chat_template.hpp>
#include <awq/pipeline/convert.hpp>
#include <awq/pipeline/gguf_facts.hpp>
#include <awq/pipeline/layer_plan.hpp>
#include <awq/pipeline/open_model.hpp>
