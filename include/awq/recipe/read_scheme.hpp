// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_READ_SCHEME_HPP
#define AWQ_RECIPE_READ_SCHEME_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/recipe.hpp>
#include <awq/recipe/yaml_node.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// The arguments of compressed-tensors' schemes: `weights`, `input_activations`, config groups.
namespace awq::detail {

/// Keys that these readers accept although they change nothing.
inline void note_unused(recipe& into, const std::string& key)
{
    if (std::ranges::find(into.unused_keys, key) == into.unused_keys.end()) into.unused_keys.push_back(key);
}

inline constexpr std::size_t most_bits = 64, most_columns = std::size_t{1} << 24;

inline constexpr std::array<std::string_view, 12> argument_keys{
    "num_bits", "type",     "symmetric", "strategy",        "group_size",  "block_structure",
    "dynamic",  "actorder", "observer",  "observer_kwargs", "scale_dtype", "zp_dtype"};

/// Of `scale_dtype` and `zp_dtype`: what the format itself says. The observer: ranges are searched.
inline bool is_unused_argument(std::string_view key)
{
    return key == "observer" || key == "observer_kwargs" || key == "scale_dtype" || key == "zp_dtype";
}

/// compressed-tensors' group_size; -1 and 0 are one group for the whole row.
inline std::size_t read_group_size(const yaml_node& node)
{
    return node.text == "-1" ? 0 : count(node, 0, most_columns);
}

/// The order of the columns: where it changes the stored codes only, they are rounded in their own.
inline void read_order(recipe& into, const yaml_node& node)
{
    const std::string& order = text(node);
    if (order != "static" && order != "weight")
        reject(node, "'", node.key, ": ", printable(order, 40),
               "' stores the columns in another order, which is not supported; remove it");
    note_unused(into, node.key);
}

inline void read_weight_key(recipe& into, weight_arguments& weights, const yaml_node& value)
{
    const std::string& key = value.key;
    if (key == "num_bits")
        weights.num_bits = static_cast<int>(count(value, 1, most_bits));
    else if (key == "type")
        weights.type = text(value);
    else if (key == "symmetric")
        weights.symmetric = truth(value);
    else if (key == "strategy")
        weights.strategy = text(value);
    else if (key == "group_size")
        weights.group_size = read_group_size(value);
    else if (key == "block_structure")
        weights.block_structure = counts(value, 1, most_columns);
    else if (key == "actorder")
        read_order(into, value);
    else if (key == "dynamic") {
        if (truth(value)) reject(value, "'dynamic' is not supported for weights; remove it");
    } else if (is_unused_argument(key))
        note_unused(into, key);
    else
        reject_key(value, "weights", argument_keys);
}

inline weight_arguments read_weights(recipe& into, const yaml_node& node)
{
    weight_arguments weights;
    bool has_strategy = false, has_group_size = false;
    for (const yaml_node& value : entries(node)) {
        if (value.is_null() && std::ranges::count(argument_keys, value.key) > 0) continue;
        has_strategy |= value.key == "strategy";
        has_group_size |= value.key == "group_size";
        read_weight_key(into, weights, value);
    }
    if (has_group_size && !has_strategy) weights.strategy = weights.group_size > 0 ? "group" : "channel";
    if (weights.strategy == "group" && weights.group_size == 0) weights.strategy = "channel";
    return weights;
}

inline void read_activation_key(recipe& into, activation_arguments& inputs, const yaml_node& value)
{
    const std::string& key = value.key;
    if (key == "num_bits")
        inputs.num_bits = static_cast<int>(count(value, 1, most_bits));
    else if (key == "type")
        inputs.type = text(value);
    else if (key == "symmetric")
        inputs.symmetric = truth(value);
    else if (key == "strategy")
        inputs.strategy = text(value);
    else if (key == "group_size")
        inputs.group_size = read_group_size(value);
    else if (key == "dynamic") {
        inputs.is_local = text(value) == "local";
        if (!inputs.is_local) inputs.dynamic = truth(value);
    } else if (is_unused_argument(key))
        note_unused(into, key);
    else if (key == "actorder" || key == "block_structure")
        reject(value, "'", key, "' is not supported for input_activations; remove it");
    else
        reject_key(value, "input_activations", argument_keys);
}

inline activation_arguments read_activations(recipe& into, const yaml_node& node)
{
    activation_arguments inputs;
    for (const yaml_node& value : entries(node)) {
        if (value.is_null() && std::ranges::count(argument_keys, value.key) > 0) continue;
        read_activation_key(into, inputs, value);
    }
    return inputs;
}

inline constexpr std::array<std::string_view, 6> group_keys{
    "targets", "weights", "scheme", "input_activations", "output_activations", "format"};

inline void read_group_key(recipe& into, recipe_group& group, const yaml_node& value)
{
    const std::string& key = value.key;
    if (std::ranges::count(group_keys, key) == 0) reject_key(value, "a config group", group_keys);
    if (value.is_null()) return;
    if (key == "targets")
        group.targets = texts(value);
    else if (key == "weights")
        group.weights = read_weights(into, value);
    else if (key == "scheme")
        group.scheme = text(value);
    else if (key == "input_activations")
        group.activations = read_activations(into, value);
    else if (key == "output_activations")
        reject(value, "'output_activations' is not supported; remove it");
    else if (!text(value).ends_with("-quantized"))
        reject(value, "'format': ", printable(value.text, 40), " is not written here; remove it");
    else // it follows from the arguments
        note_unused(into, key);
}

/// `name: {targets, weights, ...}`, or `PRESET: [targets]`.
inline recipe_group read_group(recipe& into, const yaml_node& node)
{
    recipe_group group;
    group.line = node.key_line;
    if (node.is_sequence() || node.is_scalar()) {
        group.scheme = node.key;
        group.targets = texts(node);
        return group;
    }
    for (const yaml_node& value : entries(node)) read_group_key(into, group, value);
    if (group.weights && !group.scheme.empty())
        reject_line(group.line, "config group '", printable(node.key, 60), "' has both weights and scheme; give one");
    return group;
}

/// `scheme`: a preset's name, presets with their targets, or the arguments of one group.
inline void read_scheme(recipe& into, const yaml_node& node, const std::vector<std::string>& targets)
{
    if (node.is_sequence() && node.items.size() == 1) {
        yaml_node only = node.items.front();
        only.key = node.key;
        only.key_line = node.key_line;
        return read_scheme(into, only, targets);
    }
    recipe_group group{targets, {}, {}, {}, node.line};
    if (!node.is_map()) {
        group.scheme = text(node);
        into.groups.push_back(std::move(group));
        return;
    }
    const auto is_argument = [](const yaml_node& each) { return std::ranges::count(group_keys, each.key) > 0; };
    if (std::ranges::any_of(node.items, is_argument)) {
        for (const yaml_node& value : node.items) read_group_key(into, group, value);
        into.groups.push_back(std::move(group));
        return;
    }
    for (const yaml_node& preset : node.items) into.groups.push_back(read_group(into, preset));
}

} // namespace awq::detail

#endif
