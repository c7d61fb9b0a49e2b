// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_MAPPING_PATTERN_HPP
#define AWQ_MODEL_MAPPING_PATTERN_HPP

#include <awq/support/requires_hosted.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// A smooth layer and its balance layers by name, before it is known which blocks have them.
///
/// A name is a module's name from the root ("model.layers.0.mlp.up_proj") or from its decoder block
/// ("mlp.up_proj"), in which `*` stands for one part between dots; or, after "re:", a regular
/// expression that matches from the beginning of the name from the root, as in llm-compressor.
struct mapping_pattern {
    std::string smooth_layer;
    std::vector<std::string> balance_layers;
    /// Balance layers too, in those blocks that have them: a block's experts, or its dense MLP.
    std::vector<std::string> optional_layers = {};

    bool operator==(const mapping_pattern&) const = default;
};

/// The expression of a "re:" pattern; empty for a plain name.
constexpr std::string_view expression_of(std::string_view pattern) noexcept
{
    return pattern.starts_with("re:") ? pattern.substr(3) : std::string_view{};
}

/// Whether a dotted name equals a plain pattern, whose `*` parts match any one part.
constexpr bool matches_parts(std::string_view pattern, std::string_view name) noexcept
{
    while (true) {
        const std::size_t pattern_dot = pattern.find('.');
        const std::size_t name_dot = name.find('.');
        const std::string_view part = pattern.substr(0, pattern_dot);
        if (part != "*" && part != name.substr(0, name_dot)) return false;
        const bool last = pattern_dot == std::string_view::npos;
        if (last != (name_dot == std::string_view::npos)) return false;
        if (last) return true;
        pattern.remove_prefix(pattern_dot + 1);
        name.remove_prefix(name_dot + 1);
    }
}

} // namespace awq

#endif
