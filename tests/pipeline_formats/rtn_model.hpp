// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_PIPELINE_FORMATS_RTN_MODEL_HPP
#define AWQ_TESTS_PIPELINE_FORMATS_RTN_MODEL_HPP

#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/pipeline/autoawq_sink.hpp>
#include <awq/pipeline/compressed_tensors_sink.hpp>
#include <awq/pipeline/round_linear.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace test {

inline const std::string tiny_model = AWQ_EXAMPLE_DATA "/tiny-llama";
inline const std::string golden_directory = AWQ_SOURCE_DIR "/tests/golden/";

/// FNV-1a-64 in 16 hexadecimal digits.
inline std::string fnv(std::span<const std::byte> bytes)
{
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const std::byte each : bytes)
        hash = (hash ^ std::to_integer<std::uint64_t>(each)) * 0x100000001b3u;
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    return digits;
}

/// The same format for every layer.
inline awq::weight_format_choice all_layers(const awq::weight_format& format)
{
    return [=](std::string_view) { return std::optional{format}; };
}
inline awq::weight_format_choice all_layers(awq::scheme format, std::size_t group_size)
{
    return all_layers(awq::integer_format{format, group_size});
}

// The quantizer of a format, with the numbers of a model of that dtype.
inline awq::any_quantizer quantizer_for(const awq::integer_format& how, awq::dtype storage)
{
    return awq::integer_quantizer{how.format, how.group_size, storage};
}
inline awq::any_quantizer quantizer_for(const awq::fp8_format& how, awq::dtype storage)
{
    return awq::fp8_quantizer{how.block_rows, how.block_cols, storage};
}
inline awq::any_quantizer quantizer_for(const awq::fp4_format& how, awq::dtype storage)
{
    return awq::fp4_quantizer{how.kind, storage};
}

/// Rounds the weights of a block to nearest, as a run without smoothing and feedback does; they are
/// replaced by what the codes stand for.
inline awq::result<awq::quantized_linears> round_block(const awq::directory_source& source,
                                                       awq::block_tensors& block,
                                                       const awq::weight_format_choice& formats)
{
    const awq::serial_execution how;
    awq::rounding_options plain;
    plain.clip_steps = 1;
    awq::quantized_linears quantized;
    for (const std::string_view input : awq::block_statistics::inputs) {
        float magnitude = 0;
        for (const std::string_view linear : awq::block_linears)
            if (awq::input_of(linear) == input)
                magnitude = std::max(magnitude,
                                     awq::fp4_quantizer::magnitude_of(block.weight(linear)));
        const awq::linear_rounder<awq::plain_product, awq::serial_execution> rounder{
            how, {}, {}, magnitude, plain};
        for (const std::string_view linear : awq::block_linears) {
            const std::string name = block.prefix() + std::string{linear};
            const auto format = formats(name);
            if (awq::input_of(linear) != input || !format) continue;
            AWQ_TRY(const auto* const stored, source.checkpoint().at(name + ".weight"));
            const awq::dtype type = *stored->type();
            const auto quantizer = std::visit(
                [type](const auto& weights) { return quantizer_for(weights, type); },
                format->weights);
            quantized.emplace(linear, rounder.round(quantizer, block.weight(linear)));
        }
    }
    return quantized;
}

/// Rounds every layer that `formats` names, through a sink.
inline awq::result<std::string> write_rounded(const awq::directory_source& source,
                                              awq::checkpoint_sink& sink,
                                              const awq::weight_format_choice& formats)
{
    for (std::size_t layer = 0; layer < source.config().num_hidden_layers; ++layer) {
        AWQ_TRY(const auto block, awq::block_tensors::load(source, layer));
        awq::block_tensors rounded = block;
        AWQ_TRY(const auto quantized, round_block(source, rounded, formats));
        AWQ_CHECK(sink.write({layer, &block, nullptr, &quantized}));
    }
    return sink.finish();
}

inline awq::result<std::string> round_to_compressed_tensors(
    const std::string& model, const std::string& target, const awq::weight_format_choice& formats)
{
    AWQ_TRY(const auto source, awq::directory_source::open(model));
    AWQ_TRY(const auto sink, awq::compressed_tensors_sink::create(*source, target, false, formats));
    return write_rounded(*source, *sink, formats);
}

inline awq::result<std::string> round_to_autoawq(const std::string& model,
                                                 const std::string& target,
                                                 const awq::weight_format_choice& formats)
{
    AWQ_TRY(const auto source, awq::directory_source::open(model));
    AWQ_TRY(const auto sink, awq::autoawq_sink::create(*source, target, false, formats));
    return write_rounded(*source, *sink, formats);
}

} // namespace test

#endif
