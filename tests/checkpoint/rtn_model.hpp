// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_CHECKPOINT_RTN_MODEL_HPP
#define AWQ_TESTS_CHECKPOINT_RTN_MODEL_HPP

#include "device/machines.hpp"

#include <awq/checkpoint/autoawq_sink.hpp>
#include <awq/checkpoint/compressed_tensors_sink.hpp>

#include <cstdint>
#include <cstdio>
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
    for (const std::byte each : bytes) hash = (hash ^ std::to_integer<std::uint64_t>(each)) * 0x100000001b3u;
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

/// Rounds the weights of a block to nearest, as a run without smoothing and feedback does; they are
/// replaced by what the codes stand for.
awq::result<awq::quantized_linears> round_block(const awq::directory_source& source, awq::block_tensors& block,
                                                const awq::weight_format_choice& formats);

/// Rounds every layer that `formats` names, through a sink.
inline awq::result<std::string> write_rounded(const awq::directory_source& source, awq::checkpoint_sink& sink,
                                              const awq::weight_format_choice& formats)
{
    for (std::size_t layer = 0; layer < source.config().num_hidden_layers; ++layer) {
        AWQ_TRY(const auto block, awq::block_tensors::load(test::serial_machine(), source, layer));
        awq::block_tensors rounded = block.copy(plain_machine());
        AWQ_TRY(const auto quantized, round_block(source, rounded, formats));
        AWQ_CHECK(sink.write({layer, &block, nullptr, &quantized}));
    }
    return sink.finish();
}

inline awq::result<std::string> round_to_compressed_tensors(const std::string& model, const std::string& target,
                                                            const awq::weight_format_choice& formats)
{
    AWQ_TRY(const auto source, awq::directory_source::open(model));
    AWQ_TRY(const auto sink, awq::compressed_tensors_sink::create(*source, target, false, formats));
    return write_rounded(*source, *sink, formats);
}

inline awq::result<std::string> round_to_autoawq(const std::string& model, const std::string& target,
                                                 const awq::weight_format_choice& formats)
{
    AWQ_TRY(const auto source, awq::directory_source::open(model));
    AWQ_TRY(const auto sink, awq::autoawq_sink::create(*source, target, false, formats));
    return write_rounded(*source, *sink, formats);
}

} // namespace test

#endif
