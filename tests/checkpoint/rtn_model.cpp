// SPDX-License-Identifier: MIT
#include "rtn_model.hpp"

#include <algorithm>
#include <variant>

namespace {

// The quantizer of a format, with the numbers of a model of that dtype.
awq::any_quantizer quantizer_for(const awq::integer_format& how, awq::dtype storage)
{
    return awq::integer_quantizer{how.format, how.group_size, storage};
}
awq::any_quantizer quantizer_for(const awq::fp8_format& how, awq::dtype storage)
{
    return awq::fp8_quantizer{how.block_rows, how.block_cols, storage};
}
awq::any_quantizer quantizer_for(const awq::fp4_format& how, awq::dtype storage)
{
    return awq::fp4_quantizer{how.kind, storage};
}

} // namespace

awq::result<awq::quantized_linears> test::round_block(const awq::directory_source& source, awq::block_tensors& block,
                                                      const awq::weight_format_choice& formats)
{
    awq::quantized_linears quantized;
    for (const awq::block_input& input : block.layout().inputs) {
        const auto layers = block.layout().readers_of(input.value);
        float magnitude = 0;
        for (const awq::block_linear* const linear : layers)
            magnitude = std::max(magnitude, awq::fp4_quantizer::magnitude_of(block.weight(linear->name)));
        const awq::linear_rounding by{{}, {}, magnitude};
        for (const awq::block_linear* const each : layers) {
            const std::string& linear = each->name;
            const std::string name = block.prefix() + linear;
            const auto format = formats(name);
            if (!format) continue;
            AWQ_TRY(const auto* const stored, source.checkpoint().at(name + ".weight"));
            const awq::dtype type = *stored->type();
            const auto quantizer =
                std::visit([type](const auto& weights) { return quantizer_for(weights, type); }, format->weights);
            quantized.emplace(linear, test::plain_machine().round(quantizer, by, block.weight(linear)));
        }
    }
    return quantized;
}
