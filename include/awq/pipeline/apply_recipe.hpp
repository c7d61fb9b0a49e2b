// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_APPLY_RECIPE_HPP
#define AWQ_PIPELINE_APPLY_RECIPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/pipeline/oneshot_options.hpp>
#include <awq/recipe/recipe.hpp>
#include <awq/support/result.hpp>

#include <string>
#include <string_view>

namespace awq {

inline result<duo> parse_duo_scaling(std::string_view text)
{
    for (const duo value : {duo::off, duo::on, duo::both})
        if (text == name_of(value)) return value;
    return error{error_code::invalid_argument, "duo_scaling '", text,
                 "': use true, false or both"};
}

inline result<loss_kind> parse_loss(std::string_view text)
{
    for (const loss_kind value :
         {loss_kind::parent_output, loss_kind::gram, loss_kind::screened})
        if (text == name_of(value)) return value;
    return error{error_code::invalid_argument, "loss '", text,
                 "': use parent-output, gram or screened"};
}

namespace detail {

/// A recipe group as a format of the run: a preset's name, or the name that its arguments amount to.
inline result<layer_format> format_of(const recipe_group& group)
{
    if (!group.scheme.empty()) return layer_format{group.targets, group.scheme, 128};
    const weight_arguments weights = group.weights.value_or(weight_arguments{});
    if (!group.weights)
        return error{error_code::unsupported, "recipe: a config group without weights or scheme"};
    if (weights.type != "int" || (weights.strategy != "group" && weights.strategy != "channel"))
        return error{error_code::unsupported, "recipe: weights of type '", weights.type,
                     "' and strategy '", weights.strategy,
                     "' are not supported; use int with group or channel"};
    const std::string name = "W" + std::to_string(weights.num_bits) + "A16" +
                             (weights.symmetric ? "" : "_ASYM");
    return layer_format{group.targets, name,
                        weights.strategy == "channel" ? 0 : weights.group_size};
}

} // namespace detail

/// Takes over what a recipe says; what it does not mention stays as it is.
inline status apply_recipe(const recipe& from, oneshot_options& into)
{
    if (from.smoothing_only) into.smoothing_only = *from.smoothing_only;
    if (from.group_size) into.group_size = *from.group_size;
    if (from.n_grid) into.search.n_grid = *from.n_grid;
    if (from.ignore) into.ignore = *from.ignore;
    if (from.mappings) into.mappings = from.mappings;
    if (from.duo_scaling) {
        AWQ_TRY(into.search.duo_scaling, parse_duo_scaling(*from.duo_scaling));
    }
    if (from.loss) {
        AWQ_TRY(into.loss, parse_loss(*from.loss));
    }
    if (!from.smoothing) into.smoothing = false;
    for (const recipe_group& group : from.groups) {
        AWQ_TRY(layer_format format, detail::format_of(group));
        into.formats.push_back(std::move(format));
    }
    return {};
}

} // namespace awq

#endif
