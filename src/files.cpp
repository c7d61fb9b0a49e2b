// SPDX-License-Identifier: MIT
// Compiled once for all levels: what reads and writes files.
#include <awq/checkpoint/gguf_facts.hpp>
#include <awq/run/convert.hpp>
#include <awq/run/layer_plan.hpp>
#include <awq/run/open_model.hpp>
#include <awq/text/calibration_samples.hpp>
#include <awq/text/chat_template.hpp>
