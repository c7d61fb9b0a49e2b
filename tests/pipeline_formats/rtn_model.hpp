// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_PIPELINE_FORMATS_RTN_MODEL_HPP
#define AWQ_TESTS_PIPELINE_FORMATS_RTN_MODEL_HPP

#include <awq/pipeline/autoawq_sink.hpp>
#include <awq/pipeline/compressed_tensors_sink.hpp>
#include <awq/quantization/integer_quantizer.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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
inline awq::integer_format_choice all_layers(awq::scheme format, std::size_t group_size)
{
    return [=](std::string_view) { return std::optional{awq::integer_format{format, group_size}}; };
}

/// A weight rounded to nearest, with the numbers of a model of that dtype.
inline awq::integer_codes round_weight(awq::matrix_view<const float> weight,
                                       const awq::integer_format& format, awq::dtype storage)
{
    const awq::integer_quantizer quantizer{format.format, format.group_size, storage};
    awq::integer_codes made;
    made.format = format.format;
    made.rows = weight.rows();
    made.cols = weight.cols();
    made.group_size = format.group_size;
    made.codes.resize(weight.size());
    const std::size_t groups = made.groups();
    made.scales.resize(made.rows * groups);
    if (!format.format.symmetric) made.zero_points.resize(made.rows * groups);
    for (std::size_t r = 0; r < made.rows; ++r) {
        const std::size_t at = r * groups;
        std::span<std::int8_t> zeros;
        if (!format.format.symmetric) zeros = std::span{made.zero_points}.subspan(at, groups);
        quantizer.quantize_row(weight.row(r), std::span{made.codes}.subspan(r * made.cols, made.cols),
                               std::span{made.scales}.subspan(at, groups), zeros);
    }
    return made;
}

/// Rounds every layer that `formats` names, through a sink.
inline awq::result<std::string> write_rounded(const awq::directory_source& source,
                                              awq::checkpoint_sink& sink,
                                              const awq::integer_format_choice& formats)
{
    for (std::size_t layer = 0; layer < source.config().num_hidden_layers; ++layer) {
        AWQ_TRY(const auto block, awq::block_tensors::load(source, layer));
        awq::quantized_linears quantized;
        for (const std::string_view linear : awq::block_linears) {
            const auto format = formats(block.prefix() + std::string{linear});
            if (!format) continue;
            const std::string name = block.prefix() + std::string{linear};
            AWQ_TRY(const auto* const stored, source.checkpoint().at(name + ".weight"));
            quantized.emplace(linear,
                              round_weight(block.weight(linear), *format, *stored->type()));
        }
        AWQ_CHECK(sink.write({layer, &block, nullptr, &quantized}));
    }
    return sink.finish();
}

inline awq::result<std::string> round_to_compressed_tensors(
    const std::string& model, const std::string& target, const awq::integer_format_choice& formats)
{
    AWQ_TRY(const auto source, awq::directory_source::open(model));
    AWQ_TRY(const auto sink, awq::compressed_tensors_sink::create(*source, target, false, formats));
    return write_rounded(*source, *sink, formats);
}

inline awq::result<std::string> round_to_autoawq(const std::string& model,
                                                 const std::string& target,
                                                 const awq::integer_format_choice& formats)
{
    AWQ_TRY(const auto source, awq::directory_source::open(model));
    AWQ_TRY(const auto sink, awq::autoawq_sink::create(*source, target, false, formats));
    return write_rounded(*source, *sink, formats);
}

} // namespace test

#endif
