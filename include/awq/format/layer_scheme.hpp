// SPDX-License-Identifier: MIT
#ifndef AWQ_FORMAT_LAYER_SCHEME_HPP
#define AWQ_FORMAT_LAYER_SCHEME_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/format/preset_schemes.hpp>
#include <awq/quantization/any_quantizer.hpp>
#include <awq/support/nearest_name.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
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

inline any_quantizer quantizer_of(const integer_format& stored, const simulation_options& how)
{
    return integer_quantizer{stored.format, stored.group_size, how.storage, how.clip_steps};
}
inline any_quantizer quantizer_of(const fp8_format& stored, const simulation_options& how)
{
    return fp8_quantizer{stored.block_rows, stored.block_cols, how.storage, how.clip_steps};
}
inline any_quantizer quantizer_of(const fp4_format& stored, const simulation_options& how)
{
    return fp4_quantizer{stored.kind, how.storage, 0.0f, how.clip_steps};
}

} // namespace detail

/// How a run uses what a checkpoint stores.
inline layer_scheme scheme_of(const weight_format& stored, const simulation_options& how = {})
{
    return {std::visit([&](const auto& weights) { return detail::quantizer_of(weights, how); }, stored.weights),
            stored.activations};
}

/// The preset of a name or an alias; null where there is none.
inline const preset_scheme* find_preset(std::string_view name) noexcept
{
    for (const preset_scheme& each : preset_schemes)
        if (detail::same_scheme_name(name, each.name) ||
            (!each.alias.empty() && detail::same_scheme_name(name, each.alias)))
            return &each;
    return nullptr;
}

/// The names that `parse_layer_scheme` takes.
inline std::vector<std::string_view> known_schemes()
{
    std::vector<std::string_view> names;
    for (const bool symmetric : {true, false})
        for (int bits = 2; bits <= 8; ++bits) names.push_back(name_of(scheme{bits, symmetric}));
    for (const preset_scheme& each : preset_schemes)
        for (const std::string_view name : {each.name, each.alias})
            if (!name.empty()) names.push_back(name);
    return names;
}

/// For help texts: "W2A16 to W8A16, ..., W8A8 (INT8), ...".
inline std::string describe_schemes()
{
    std::string text;
    for (const bool symmetric : {true, false})
        text += std::string{name_of(scheme{2, symmetric})} + " to " + std::string{name_of(scheme{8, symmetric})} + ", ";
    for (const preset_scheme& each : preset_schemes) {
        if (&each != preset_schemes) text += ", ";
        text += each.name;
        if (!each.alias.empty()) text += " (" + std::string{each.alias} + ")";
    }
    return text;
}

/// The scheme of a name, in upper or lower case. `group_size`: of an integer scheme, 0 per channel;
/// empty: the scheme's own. Errors: an unknown name, with the nearest
/// and all that there are; a group size where the scheme has its own.
inline result<layer_scheme> parse_layer_scheme(std::string_view name, std::optional<std::size_t> group_size,
                                               const simulation_options& how = {})
{
    if (const preset_scheme* const preset = find_preset(name)) {
        if (!group_size) return scheme_of(preset->stored, how);
        return error{error_code::invalid_argument, "scheme ", name, " is ", describe(preset->stored),
                     ": it takes no group size"};
    }
    if (const auto integers = parse_scheme(name))
        return scheme_of(integer_format{*integers, group_size.value_or(128)}, how);
    return error{error_code::invalid_argument, "unknown scheme '", printable(name, 60), "'; ",
                 known_names(name, known_schemes())};
}

} // namespace awq

#endif
