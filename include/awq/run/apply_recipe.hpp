// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_APPLY_RECIPE_HPP
#define AWQ_RUN_APPLY_RECIPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/format/layer_scheme.hpp>
#include <awq/recipe/oneshot_options.hpp>
#include <awq/recipe/recipe.hpp>
#include <awq/search/scale_grid.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

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

inline result<std::vector<layer_format>> formats_in(const recipe& from, notice_list& notices)
{
    std::vector<layer_format> formats;
    for (const recipe_group& group : from.groups) {
        AWQ_TRY(layer_format format, format_of(group));
        if (const auto known = parse_layer_scheme(format.scheme, format.group_size); !known)
            return known.error().within("line " + std::to_string(group.line));
        const preset_scheme* const preset = find_preset(format.scheme);
        if (preset && !preset->difference.empty() && same_scheme_name(format.scheme, preset->alias))
            notices.warn(from.path + ": scheme " + std::string{preset->alias} + " is written as " +
                         std::string{preset->name} + ": " + std::string{preset->difference});
        format.recipe = from.path;
        formats.push_back(std::move(format));
    }
    return formats;
}

/// Fills a request from a recipe.
class recipe_filler {
public:
    recipe_filler(const recipe& from, oneshot_options& into) : from_(from), into_(into) {}

    status fill()
    {
        note_unused_keys();
        AWQ_CHECK(choose_task());
        AWQ_CHECK(fill_formats());
        if (from_.group_size) fill_group_size();
        if (from_.damping) fill_damping();
        if (!from_.smoothing) into_.smoothing.reset();
        if (into_.smoothing) return fill_smoothing(*into_.smoothing);
        if (from_.n_grid || from_.duo_scaling || from_.loss || from_.mappings)
            has_no_effect("what it says of the search", "nothing is smoothed");
        return {};
    }

private:
    void note_unused_keys()
    {
        std::string names;
        for (const std::string& key : from_.unused_keys) names += (names.empty() ? "" : ", ") + printable(key, 60);
        if (!names.empty()) into_.notices.note(from_.path + ": these keys change nothing here: " + names);
        for (const std::string& each : from_.notes) into_.notices.note(from_.path + ": " + each);
    }

    void has_no_effect(std::string_view what, std::string_view why)
    {
        into_.notices.warn(from_.path + ": " + std::string{what} + " has no effect: " + std::string{why});
    }

    /// A task with a GGUF type stays: a recipe knows none.
    status choose_task()
    {
        if (!from_.smoothing_only) return {};
        const bool has_schemes = formats_of(into_.task) != nullptr;
        if (!*from_.smoothing_only && std::holds_alternative<smooth>(into_.task)) into_.task = quantize{};
        if (!*from_.smoothing_only || std::holds_alternative<smooth>(into_.task)) return {};
        if (!has_schemes)
            return error{error_code::unsupported, "smoothing_only keeps 16 bits, the run writes a GGUF type or "
                                                  "weights for one; give one of the two"};
        into_.task = smooth{};
        return {};
    }

    status fill_formats()
    {
        AWQ_TRY(std::vector<layer_format> formats, formats_in(from_, into_.notices));
        if (formats.empty()) return {};
        std::vector<layer_format>* const to = formats_of(into_.task);
        if (!to)
            return error{error_code::unsupported, "line ", from_.groups.front().line,
                         ": its schemes do not go with a GGUF type: a run has either; give one of the two"};
        *to = std::move(formats);
        return {};
    }

    /// Of the search of a task that only smooths, where no scheme is named.
    void fill_group_size()
    {
        const bool only_smooths = std::holds_alternative<smooth>(into_.task);
        std::vector<layer_format>* const formats = formats_of(into_.task);
        if (!formats)
            has_no_effect("group_size", "GGUF types have groups of their own");
        else if (!from_.groups.empty())
            has_no_effect("group_size", "the schemes have groups of their own");
        else if (only_smooths)
            formats->front().group_size = *from_.group_size;
    }

    void fill_damping()
    {
        rounding_steps* const rounding = rounding_of(into_.task);
        if (!rounding)
            has_no_effect("dampening_frac", "this run has no error feedback");
        else if (std::holds_alternative<matrix_calibration>(into_.calibration))
            has_no_effect("dampening_frac", "an importance matrix has no Gram matrix");
        else if (rounding->error_feedback)
            rounding->error_feedback->damping = *from_.damping;
        else
            has_no_effect("dampening_frac", "there is no error feedback");
    }

    status fill_smoothing(smoothing_options& smoothing)
    {
        smoothing.search.n_grid = from_.n_grid.value_or(smoothing.search.n_grid);
        smoothing.search.duo_scaling = from_.duo_scaling.value_or(smoothing.search.duo_scaling);
        smoothing.loss = from_.loss.value_or(smoothing.loss);
        if (from_.mappings) smoothing.mappings = own_mappings{*from_.mappings, from_.path};
        return from_.n_grid || from_.duo_scaling ? scale_grid{smoothing.search}.check() : status{};
    }

    const recipe& from_;
    oneshot_options& into_;
};

} // namespace detail

/// Takes over what a recipe says; what it does not mention stays as it is. Schemes go to the task that the request
/// has, `smoothing_only` makes it one that smooths. What it says without effect becomes a notice. Errors name the
/// file: a scheme or set of arguments that is not known, and what the task of the request has no place for.
inline status apply_recipe(const recipe& from, oneshot_options& into)
{
    if (from.ignore) {
        into.ignore = *from.ignore;
        into.ignore_recipe = from.path;
    }
    const status done = detail::recipe_filler{from, into}.fill();
    if (done) return {};
    // A value of a file is no argument of a call, whoever checks it.
    return done.error().from_file(from.path);
}

} // namespace awq

#endif
