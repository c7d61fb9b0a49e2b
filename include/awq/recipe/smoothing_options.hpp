// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_SMOOTHING_OPTIONS_HPP
#define AWQ_RECIPE_SMOOTHING_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/mapping_pattern.hpp>
#include <awq/search/search_options.hpp>
#include <awq/support/nearest_name.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace awq {

/// Which loss decides between scale candidates.
enum class loss_kind {
    parent_output, ///< re-run the parent module for every candidate, as llm-compressor does
    gram,          ///< the linear layers' own output error, from Gram matrices
    screened,      ///< gram ranks all candidates, parent_output decides among the best few
};

/// As the flag and the report spell it.
constexpr const char* name_of(loss_kind loss) noexcept
{
    switch (loss) {
    case loss_kind::parent_output:
        return "parent-output";
    case loss_kind::gram:
        return "gram";
    default:
        return "screened";
    }
}

/// As the flag and the report spell it.
constexpr const char* name_of(duo scaling) noexcept
{
    switch (scaling) {
    case duo::off:
        return "false";
    case duo::on:
        return "true";
    default:
        return "both";
    }
}

/// "false", "true" or "both"; invalid_argument otherwise.
inline result<duo> parse_duo_scaling(std::string_view text)
{
    for (const duo value : {duo::off, duo::on, duo::both})
        if (text == name_of(value)) return value;
    return error{error_code::invalid_argument, "duo_scaling '", printable(text, 60), "': use true, false or both"};
}

/// A loss by the name that its flag has; invalid_argument otherwise.
inline result<loss_kind> parse_loss(std::string_view text)
{
    for (const loss_kind value : {loss_kind::parent_output, loss_kind::gram, loss_kind::screened})
        if (text == name_of(value)) return value;
    constexpr std::array<std::string_view, 3> known{"parent-output", "gram", "screened"};
    return error{error_code::invalid_argument, "unknown loss '", printable(text, 60), "'; ", known_names(text, known)};
}

/// Which of an architecture's mappings are smoothed.
enum class mapping_choice : unsigned char {
    llm_compressor, ///< those that llm-compressor has
    all,            ///< whatever can be smoothed exactly
};

/// A user's mappings instead of the architecture's.
struct own_mappings {
    std::vector<mapping_pattern> patterns;
    std::string recipe = {}; ///< the file that they are from

    bool operator==(const own_mappings&) const = default;
};

/// How a run smooths.
struct smoothing_options {
    std::variant<mapping_choice, own_mappings> mappings = mapping_choice::llm_compressor;
    bool smooth_grouped_query = false; ///< v_proj -> o_proj too where query heads share values
    search_options search = {};
    loss_kind loss = loss_kind::screened; ///< an importance matrix knows `gram` only
    std::size_t exact_loss_tokens = 2048; ///< of a screened search: tokens that decide
    /// Of the Gram matrices that only the search looks at, unless `loss` is the exact one: about so many tokens.
    std::size_t search_tokens = 8192;

    bool operator==(const smoothing_options&) const = default;
};

} // namespace awq

#endif
