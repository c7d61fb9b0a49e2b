// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_LOAD_RECIPE_HPP
#define AWQ_RECIPE_LOAD_RECIPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/recipe.hpp>
#include <awq/support/result.hpp>

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <vector>

namespace awq {

// The keys follow llm-compressor's recipe files: stages hold modifiers, modifiers hold arguments.
// yaml-cpp reports by exceptions; they end in `load_recipe`.
namespace detail {

/// A problem in a recipe, on its way to `load_recipe`.
struct recipe_problem {
    error cause;
};

template <class... Parts>
[[noreturn]] void reject(const YAML::Node& node, const Parts&... parts)
{
    throw recipe_problem{
        error{error_code::malformed_file, "line ", node.Mark().line + 1, ": ", parts...}};
}

template <class T>
T scalar(const YAML::Node& node, std::string_view key, std::string_view expected)
{
    try {
        return node.as<T>();
    } catch (const YAML::Exception&) {
        reject(node, "'", key, "' must be ", expected);
    }
}

inline std::size_t count(const YAML::Node& node, std::string_view key)
{
    const auto value = scalar<long long>(node, key, "a whole number");
    if (value < 0) reject(node, "'", key, "' must not be negative");
    return static_cast<std::size_t>(value);
}

inline std::string text(const YAML::Node& node, std::string_view key)
{
    if (!node.IsScalar()) reject(node, "'", key, "' must be a text");
    return node.Scalar();
}

inline bool truth(const YAML::Node& node, std::string_view key)
{
    return scalar<bool>(node, key, "true or false");
}

/// A list of texts; one text alone is a list of one.
inline std::vector<std::string> texts(const YAML::Node& node, std::string_view key)
{
    if (node.IsScalar()) return {node.Scalar()};
    if (!node.IsSequence()) reject(node, "'", key, "' must be a list of names");
    std::vector<std::string> names;
    for (const YAML::Node& entry : node) names.push_back(text(entry, key));
    return names;
}

inline const YAML::Node& require_map(const YAML::Node& node, std::string_view key)
{
    if (!node.IsMap()) reject(node, "'", key, "' must hold keys and values");
    return node;
}

inline std::vector<mapping_pattern> read_mappings(const YAML::Node& node)
{
    if (!node.IsSequence()) reject(node, "'mappings' must be a list");
    std::vector<mapping_pattern> mappings;
    for (const YAML::Node& entry : node) {
        mapping_pattern pattern;
        for (const auto& field : require_map(entry, "mappings")) {
            const std::string key = text(field.first, "key");
            if (key == "smooth_layer")
                pattern.smooth_layer = text(field.second, key);
            else if (key == "balance_layers")
                pattern.balance_layers = texts(field.second, key);
            else
                reject(field.first, "unknown key '", key,
                       "' in a mapping; known: smooth_layer, balance_layers");
        }
        if (pattern.smooth_layer.empty() || pattern.balance_layers.empty())
            reject(entry, "a mapping needs smooth_layer and balance_layers");
        mappings.push_back(std::move(pattern));
    }
    return mappings;
}

inline std::string duo_scaling(const YAML::Node& node)
{
    const std::string value = text(node, "duo_scaling");
    if (value == "both") return value;
    return truth(node, "duo_scaling") ? "true" : "false";
}

/// A list of numbers.
inline std::vector<std::size_t> counts(const YAML::Node& node, std::string_view key)
{
    if (!node.IsSequence()) reject(node, "'", key, "' must be a list of whole numbers");
    std::vector<std::size_t> numbers;
    for (const YAML::Node& entry : node) numbers.push_back(count(entry, key));
    return numbers;
}

inline weight_arguments read_weights(const YAML::Node& node)
{
    weight_arguments weights;
    bool strategy_given = false;
    for (const auto& field : require_map(node, "weights")) {
        const std::string key = text(field.first, "key");
        const YAML::Node& value = field.second;
        if (value.IsNull()) continue;
        if (key == "num_bits")
            weights.num_bits = static_cast<int>(count(value, key));
        else if (key == "type")
            weights.type = text(value, key);
        else if (key == "symmetric")
            weights.symmetric = truth(value, key);
        else if (key == "strategy")
            weights.strategy = text(value, key), strategy_given = true;
        else if (key == "group_size") {
            const auto size = scalar<long long>(value, key, "a whole number");
            weights.group_size = size > 0 ? static_cast<std::size_t>(size) : 0;
            if (!strategy_given) weights.strategy = size > 0 ? "group" : "channel";
        } else if (key == "block_structure") {
            weights.block_structure = counts(value, key);
        } else if (key == "dynamic" || key == "observer" || key == "observer_kwargs" ||
                   key == "actorder" || key == "scale_dtype" ||
                   key == "zp_dtype") {
            if (key == "actorder" || (key == "dynamic" && truth(value, key)))
                reject(value, "'", key, "' is not supported for weights; remove it");
        } else {
            reject(field.first, "unknown key '", key, "' in weights");
        }
    }
    return weights;
}

inline void read_dynamic(const YAML::Node& node, activation_arguments& into)
{
    into.is_local = text(node, "dynamic") == "local";
    if (!into.is_local) into.dynamic = truth(node, "dynamic");
}

inline activation_arguments read_activations(const YAML::Node& node)
{
    activation_arguments read;
    for (const auto& field : require_map(node, "input_activations")) {
        const std::string key = text(field.first, "key");
        const YAML::Node& value = field.second;
        if (value.IsNull()) continue;
        if (key == "num_bits")
            read.num_bits = static_cast<int>(count(value, key));
        else if (key == "type")
            read.type = text(value, key);
        else if (key == "symmetric")
            read.symmetric = truth(value, key);
        else if (key == "strategy")
            read.strategy = text(value, key);
        else if (key == "group_size")
            read.group_size = count(value, key);
        else if (key == "dynamic")
            read_dynamic(value, read);
        else if (key != "observer" && key != "observer_kwargs" && key != "scale_dtype" &&
                 key != "zp_dtype" && key != "actorder" && key != "block_structure")
            reject(field.first, "unknown key '", key, "' in input_activations");
    }
    return read;
}

inline recipe_group read_group(const YAML::Node& node)
{
    recipe_group group;
    for (const auto& field : require_map(node, "config_groups")) {
        const std::string key = text(field.first, "key");
        if (key == "targets")
            group.targets = texts(field.second, key);
        else if (key == "weights")
            group.weights = read_weights(field.second);
        else if (key == "scheme")
            group.scheme = text(field.second, key);
        else if (key == "input_activations") {
            if (!field.second.IsNull()) group.activations = read_activations(field.second);
        } else if (key == "output_activations") {
            if (!field.second.IsNull())
                reject(field.first, "'output_activations' is not supported; remove it");
        } else if (key != "format")
            reject(field.first, "unknown key '", key, "' in a config group");
    }
    return group;
}

/// Keys that both modifiers may have; false if the key is none of them.
inline bool read_quantization_key(recipe& into, recipe_group& preset, const std::string& key,
                                  const YAML::Node& value)
{
    if (key == "ignore")
        into.ignore = texts(value, key);
    else if (key == "targets")
        preset.targets = texts(value, key);
    else if (key == "scheme")
        preset.scheme = text(value, key);
    else if (key == "config_groups")
        for (const auto& group : require_map(value, key))
            into.groups.push_back(read_group(group.second));
    else
        return false;
    return true;
}

inline bool read_search_key(recipe& into, const std::string& key, const YAML::Node& value)
{
    if (key == "smoothing_only")
        into.smoothing_only = truth(value, key);
    else if (key == "group_size")
        into.group_size = count(value, key);
    else if (key == "n_grid")
        into.n_grid = count(value, key);
    else if (key == "duo_scaling")
        into.duo_scaling = duo_scaling(value);
    else if (key == "loss")
        into.loss = text(value, key);
    else if (key == "mappings")
        into.mappings = read_mappings(value);
    else
        return key == "offload_device"; // a matter of GPUs; accepted so that recipes load
    return true;
}

inline void read_modifier(recipe& into, const YAML::Node& name, const YAML::Node& node)
{
    const std::string modifier = text(name, "modifier");
    const bool awq = modifier == "AWQModifier";
    if (!awq && modifier != "QuantizationModifier")
        reject(name, "unknown modifier '", modifier, "'; known: AWQModifier, QuantizationModifier");
    into.smoothing = into.smoothing || awq;
    recipe_group preset;
    if (node.IsNull()) return;
    for (const auto& field : require_map(node, modifier)) {
        const std::string key = text(field.first, "key");
        if (field.second.IsNull()) continue;
        if (read_quantization_key(into, preset, key, field.second)) continue;
        if (awq && read_search_key(into, key, field.second)) continue;
        reject(field.first, "unknown key '", key, "' in ", modifier);
    }
    if (!preset.scheme.empty()) into.groups.push_back(std::move(preset));
}

/// Stages hold modifiers under a key that ends in "modifiers"; a modifier may also stand alone.
inline void read_stage(recipe& into, const YAML::Node& name, const YAML::Node& node)
{
    const std::string key = text(name, "key");
    const auto ends_with = [&](std::string_view end) { return std::string_view{key}.ends_with(end); };
    if (!ends_with("_stage") && !ends_with("_modifiers")) return read_modifier(into, name, node);
    for (const auto& entry : require_map(node, key)) read_stage(into, entry.first, entry.second);
}

} // namespace detail

/// Reads a YAML recipe: stages, modifiers (AWQModifier, QuantizationModifier), arguments. An error
/// names the file and the line; a key that is not known is an error, never ignored.
inline result<recipe> load_recipe(const std::string& path)
{
    try {
        const YAML::Node root = YAML::LoadFile(path);
        recipe loaded;
        if (!root.IsMap())
            return error{error_code::malformed_file, path, ": a recipe holds stages of modifiers"};
        for (const auto& entry : root) detail::read_stage(loaded, entry.first, entry.second);
        return loaded;
    } catch (const detail::recipe_problem& problem) {
        return problem.cause.within(path);
    } catch (const YAML::BadFile&) {
        return error{error_code::file_not_found, path, ": no such recipe file, or it cannot be read"};
    } catch (const YAML::Exception& problem) {
        return error{error_code::malformed_file, path, ": line ", problem.mark.line + 1, ": ",
                     problem.msg};
    } catch (const std::exception& problem) {
        return error{error_code::malformed_file, path, ": ", problem.what()};
    }
}

} // namespace awq

#endif
