// SPDX-License-Identifier: MIT
#ifndef AWQ_FORMAT_LAYER_SCHEME_HPP
#define AWQ_FORMAT_LAYER_SCHEME_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/format/any_quantizer.hpp>
#include <awq/support/nearest_name.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace awq {

/// A scheme as a run uses it: how weights are rounded, and what the checkpoint tells servers to do
/// with the layer's inputs.
struct layer_scheme {
    any_quantizer quantizer;
    activation_rounding activations = activation_rounding::none;

    /// What the weights are stored as; nothing for GGUF types.
    std::optional<weight_format> format() const
    {
        return quantizer.visit([&](const auto& q) -> std::optional<weight_format> {
            if constexpr (requires { format_of(q); }) return weight_format{format_of(q), activations};
            return std::nullopt;
        });
    }
};

/// How a search simulates a scheme.
struct simulation_options {
    dtype storage = dtype::f32; ///< type of the checkpoint's weights and scales
    int clip_steps = 1;         ///< candidates for each group's range; 1: the whole range
};

namespace detail {

/// A scheme whose groups are part of its name, by compressed-tensors' preset of that name.
inline std::optional<layer_scheme> fixed_scheme(std::string_view name, const simulation_options& how)
{
    using enum activation_rounding;
    const auto [storage, clip_steps] = how;
    const auto is = [name](auto... names) { return (same_scheme_name(name, names) || ...); };
    if (is("W8A8", "INT8")) return layer_scheme{integer_quantizer{{8, true}, 0, storage, clip_steps}, int8_token};
    if (is("FP8", "FP8_DYNAMIC")) return layer_scheme{fp8_quantizer{1, 0, storage, clip_steps}, fp8_token};
    if (is("FP8_BLOCK")) return layer_scheme{fp8_quantizer{128, 128, storage, clip_steps}, fp8_group};
    if (is("NVFP4A16")) return layer_scheme{fp4_quantizer{fp4_kind::nvfp4, storage, 0.0f, clip_steps}};
    if (is("NVFP4")) return layer_scheme{fp4_quantizer{fp4_kind::nvfp4, storage, 0.0f, clip_steps}, fp4_group};
    if (is("MXFP4", "MXFP4A16")) return layer_scheme{fp4_quantizer{fp4_kind::mxfp4, storage, 0.0f, clip_steps}};
    return std::nullopt;
}

} // namespace detail

/// The names that `parse_layer_scheme` takes.
inline std::vector<std::string_view> known_schemes()
{
    std::vector<std::string_view> names;
    for (const bool symmetric : {true, false})
        for (int bits = 2; bits <= 8; ++bits) names.push_back(name_of(scheme{bits, symmetric}));
    names.insert(names.end(),
                 {"W8A8", "INT8", "FP8", "FP8_DYNAMIC", "FP8_BLOCK", "NVFP4", "NVFP4A16", "MXFP4", "MXFP4A16"});
    return names;
}

/// The scheme of a name, in upper or lower case. `group_size`: of an integer scheme, 0 per channel;
/// empty: the scheme's own. Errors: an unknown name, with the nearest
/// and all that there are; a group size where the scheme has its own.
inline result<layer_scheme> parse_layer_scheme(std::string_view name, std::optional<std::size_t> group_size,
                                               const simulation_options& how = {})
{
    if (const auto fixed = detail::fixed_scheme(name, how)) {
        if (!group_size) return *fixed;
        return error{error_code::invalid_argument, "scheme ", name, " is ", fixed->quantizer.name(),
                     ": it takes no group size"};
    }
    if (const auto integers = parse_scheme(name))
        return layer_scheme{integer_quantizer{*integers, group_size.value_or(128), how.storage, how.clip_steps}};
    return error{error_code::invalid_argument, "unknown scheme '", printable(name, 60), "'; ",
                 known_names(name, known_schemes())};
}

} // namespace awq

#endif
