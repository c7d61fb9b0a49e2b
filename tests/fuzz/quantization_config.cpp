// SPDX-License-Identifier: MIT
// quantization_config, read as each of the three methods does.
#include "input.hpp"

#include <awq/checkpoint/config_group_matcher.hpp>
#include <awq/io/autoawq/quantization_config.hpp>
#include <awq/io/gptq/weight.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto document = awq::json::document::parse(fuzz::text_of(data, size), "x");
    if (!fuzz::succeeded(document)) return 0;
    fuzz::succeeded(awq::autoawq::read_quantization_config(document->root()));
    fuzz::succeeded(awq::gptq::read_quantization_config(document->root()));
    auto config = awq::compressed_tensors::read_quantization_config(document->root());
    if (!fuzz::succeeded(config)) return 0;
    const auto groups = awq::config_group_matcher::make(*std::move(config), "x");
    if (fuzz::succeeded(groups)) groups->find("model.layers.0.self_attn.q_proj");
    return 0;
}
