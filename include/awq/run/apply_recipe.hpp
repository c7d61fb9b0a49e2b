// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_APPLY_RECIPE_HPP
#define AWQ_RUN_APPLY_RECIPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/format/layer_scheme.hpp>
#include <awq/recipe/oneshot_options.hpp>
#include <awq/recipe/recipe.hpp>
#include <awq/search/scale_grid.hpp>
#include <awq/support/nearest_name.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

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

namespace detail {

/// What the arguments of weights and activations say, for comparing: "float8 channel, float8 token".
inline std::string describe(const weight_arguments& weights)
{
    std::string text = weights.type + std::to_string(weights.num_bits) + " " + weights.strategy;
    if (weights.strategy == "group" || weights.strategy == "tensor_group")
        text += " " + std::to_string(weights.group_size);
    for (const std::size_t extent : weights.block_structure)
        if (weights.strategy == "block") text += " " + std::to_string(extent);
    return text + (weights.symmetric ? "" : " asymmetric");
}
inline std::string describe(const activation_arguments& inputs)
{
    std::string text = inputs.type + std::to_string(inputs.num_bits) + " " + inputs.strategy;
    if (inputs.group_size > 0) text += " " + std::to_string(inputs.group_size);
    const std::string_view when = inputs.is_local ? " local" : inputs.dynamic ? "" : " static";
    return text + (inputs.symmetric ? "" : " asymmetric") + std::string{when};
}

/// The scheme that the arguments of a recipe group amount to.
inline result<layer_format> format_of_arguments(const recipe_group& group)
{
    const weight_arguments& weights = *group.weights;
    const std::string text = describe(weights) + (group.activations ? ", " + describe(*group.activations) : "");
    for (const preset_scheme& each : preset_schemes)
        if (text == each.arguments || text == each.more_arguments)
            return layer_format{group.targets, std::string{each.name}, {}, {}};
    const bool grouped = weights.strategy == "group" || weights.strategy == "channel";
    if (group.activations || weights.type != "int" || !grouped)
        return error{
            error_code::unsupported,
            "line ",
            group.line,
            ": '",
            printable(text, 160),
            "' is no scheme here; weights are int with group or channel, or with their activations as in one of ",
            describe_schemes()};
    const std::string name = "W" + std::to_string(weights.num_bits) + "A16" + (weights.symmetric ? "" : "_ASYM");
    return layer_format{group.targets, name, weights.strategy == "channel" ? 0 : weights.group_size, {}};
}

/// A recipe group as a format of the run: a preset's name, or the name that its arguments amount to.
inline result<layer_format> format_of(const recipe_group& group)
{
    if (!group.scheme.empty()) return layer_format{group.targets, group.scheme, {}, {}};
    if (group.weights) return format_of_arguments(group);
    return error{error_code::unsupported, "line ", group.line, ": a config group without weights or scheme"};
}

inline status apply_formats(const recipe& from, oneshot_options& into)
{
    for (const recipe_group& group : from.groups) {
        AWQ_TRY(layer_format format, format_of(group));
        if (const auto known = parse_layer_scheme(format.scheme, format.group_size); !known)
            return known.error().within("line " + std::to_string(group.line));
        const preset_scheme* const preset = find_preset(format.scheme);
        if (preset && !preset->difference.empty() && same_scheme_name(format.scheme, preset->alias))
            into.notices.warn(from.path + ": scheme " + std::string{preset->alias} + " is written as " +
                              std::string{preset->name} + ": " + std::string{preset->difference});
        format.recipe = from.path;
        into.formats.push_back(std::move(format));
    }
    return {};
}

inline status apply_search(const recipe& from, oneshot_options& into)
{
    if (from.n_grid) into.search.n_grid = *from.n_grid;
    if (from.duo_scaling) {
        AWQ_TRY(into.search.duo_scaling, parse_duo_scaling(*from.duo_scaling));
    }
    if (from.loss) {
        const auto loss = parse_loss(*from.loss);
        if (!loss) return loss.error().within("line " + std::to_string(from.loss_line));
        into.loss = *loss;
    }
    return from.n_grid || from.duo_scaling ? scale_grid{into.search}.check() : status{};
}

inline void note_unused_keys(const recipe& from, oneshot_options& into)
{
    std::string names;
    for (const std::string& key : from.unused_keys) names += (names.empty() ? "" : ", ") + printable(key, 60);
    if (!names.empty()) into.notices.note(from.path + ": these keys change nothing here: " + names);
    for (const std::string& each : from.notes) into.notices.note(from.path + ": " + each);
}

} // namespace detail

/// Takes over what a recipe says; what it does not mention stays as it is. What it says without
/// effect becomes a notice. Errors name the file: a loss, scheme or set of arguments that is not known.
inline status apply_recipe(const recipe& from, oneshot_options& into)
{
    // A value of a file is no argument of a call, whoever checks it.
    const auto checked = [&](const status& done) -> status {
        if (done) return {};
        const bool value = done.error().code() == error_code::invalid_argument;
        return error{value ? error_code::malformed_file : done.error().code(), from.path, ": ", done.error().text()};
    };
    detail::note_unused_keys(from, into);
    AWQ_CHECK(checked(detail::apply_search(from, into)));
    if (!from.smoothing) into.smoothing = false;
    if (from.smoothing_only) into.smoothing_only = *from.smoothing_only;
    if (from.group_size) into.group_size = *from.group_size;
    if (from.damping) into.rounding.damping = static_cast<float>(*from.damping);
    if (from.ignore) {
        into.ignore = *from.ignore;
        into.ignore_recipe = from.path;
    }
    if (from.mappings) {
        into.mappings = from.mappings;
        into.mappings_recipe = from.path;
    }
    return checked(detail::apply_formats(from, into));
}

} // namespace awq

#endif
