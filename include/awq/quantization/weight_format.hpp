// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_WEIGHT_FORMAT_HPP
#define AWQ_QUANTIZATION_WEIGHT_FORMAT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/fp4_quantizer.hpp>
#include <awq/quantization/scheme.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace awq {

/// Integers, in groups of neighbouring columns.
struct integer_format {
    scheme format;
    std::size_t group_size = 128; ///< 0: per channel

    friend bool operator==(const integer_format&, const integer_format&) = default;
};

/// FP8 E4M3, with a scale for each block of rows and columns.
struct fp8_format {
    std::size_t block_rows = 1;
    std::size_t block_cols = 0; ///< 0: the whole row

    friend bool operator==(const fp8_format&, const fp8_format&) = default;
};

/// FP4 E2M1.
struct fp4_format {
    fp4_kind kind = fp4_kind::nvfp4;

    friend bool operator==(const fp4_format&, const fp4_format&) = default;
};

/// What servers do with a quantized layer's inputs, as the checkpoint tells them. Runs and readers
/// leave activations as they are.
enum class activation_rounding {
    none,
    int8_token, ///< to 8-bit integers, each token by its own scale
    fp8_token,  ///< to FP8, each token by its own scale
    fp8_group,  ///< to FP8, each 128 channels of a token by their own scale
    fp4_group,  ///< to NVFP4, by a scale of the whole input that calibration finds
};

/// How a checkpoint stores a quantized linear layer.
struct weight_format {
    using weights_type = std::variant<integer_format, fp8_format, fp4_format>;

    weights_type weights;
    activation_rounding activations = activation_rounding::none;

    weight_format() = default;
    template <class Weights>
    requires(std::constructible_from<weights_type, const Weights&>) constexpr weight_format(
        const Weights& how, activation_rounding inputs = activation_rounding::none)
        : weights(how), activations(inputs)
    {}

    const integer_format* integers() const noexcept { return std::get_if<integer_format>(&weights); }

    friend bool operator==(const weight_format&, const weight_format&) = default;
};

/// The format of a layer by its full name ("model.layers.0.mlp.up_proj"); nothing where the layer
/// stays as it is.
using weight_format_choice = std::function<std::optional<weight_format>(std::string_view)>;

/// For texts: "W4A16_ASYM g128", "FP8 128x128", "NVFP4".
inline std::string describe(const integer_format& how)
{
    return std::string{name_of(how.format)} +
           (how.group_size == 0 ? " per channel" : " g" + std::to_string(how.group_size));
}
inline std::string describe(const fp8_format& how)
{
    if (how.block_cols == 0 && how.block_rows == 1) return "FP8 per channel";
    return "FP8 " + std::to_string(how.block_rows) + "x" + std::to_string(how.block_cols);
}
inline std::string describe(const fp4_format& how) { return name_of(how.kind); }
inline std::string describe(const weight_format& how)
{
    return std::visit([](const auto& weights) { return describe(weights); }, how.weights);
}

} // namespace awq

#endif
