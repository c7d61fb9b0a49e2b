// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_READ_MODIFIER_HPP
#define AWQ_RECIPE_READ_MODIFIER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/read_scheme.hpp>
#include <awq/recipe/recipe.hpp>
#include <awq/recipe/rounding_options.hpp>
#include <awq/recipe/yaml_node.hpp>
#include <awq/search/search_options.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The modifiers of llm-compressor and their arguments.
namespace awq::detail {

inline constexpr std::array<std::string_view, 3> modifier_names{"AWQModifier", "QuantizationModifier", "GPTQModifier"};

/// Arguments that say when, where or how fast llm-compressor works, not what comes out.
inline constexpr std::array<std::string_view, 20> unused_modifier_keys{"requires_calibration_data",
                                                                       "index",
                                                                       "group",
                                                                       "start",
                                                                       "end",
                                                                       "update",
                                                                       "sequential_targets",
                                                                       "sequential_update",
                                                                       "bypass_divisibility_checks",
                                                                       "weight_observer",
                                                                       "input_observer",
                                                                       "output_observer",
                                                                       "observer",
                                                                       "num_calibration_steps",
                                                                       "offload_device",
                                                                       "max_chunk_memory",
                                                                       "block_size",
                                                                       "batched_quantization",
                                                                       "offload_hessians",
                                                                       "disable_quantization_observer_epoch"};

inline constexpr std::array<std::string_view, 5> quantization_keys{"ignore", "targets", "scheme", "config_groups",
                                                                   "kv_cache_scheme"};
inline constexpr std::array<std::string_view, 6> search_keys{"smoothing_only", "group_size", "n_grid",
                                                             "duo_scaling",    "loss",       "mappings"};
inline constexpr std::array<std::string_view, 2> feedback_keys{"dampening_frac", "actorder"};
inline constexpr std::array<std::string_view, 3> mapping_keys{"smooth_layer", "balance_layers",
                                                              "activation_hook_target"};

inline mapping_pattern read_mapping_fields(const yaml_node& node)
{
    mapping_pattern pattern;
    for (const yaml_node& value : entries(node)) {
        if (value.key == "smooth_layer")
            pattern.smooth_layer = text(value);
        else if (value.key == "balance_layers")
            pattern.balance_layers = texts(value);
        else if (value.key != "activation_hook_target")
            reject_key(value, "a mapping", mapping_keys);
        else if (!value.is_null())
            reject(value, "'activation_hook_target' is not supported; remove it");
    }
    return pattern;
}

/// `{smooth_layer, balance_layers}`, or a pair of a name and a list of names in any order.
inline mapping_pattern read_mapping(yaml_node node)
{
    if (node.is_map()) return read_mapping_fields(node);
    node.key = "mappings";
    for (yaml_node& each : node.items) each.key = node.key;
    const bool pair =
        node.is_sequence() && node.items.size() == 2 && node.items[0].is_scalar() != node.items[1].is_scalar();
    if (!pair) reject(node, "a mapping needs smooth_layer and balance_layers");
    const bool smooth_first = node.items[0].is_scalar();
    return {text(node.items[smooth_first ? 0 : 1]), texts(node.items[smooth_first ? 1 : 0])};
}

inline std::vector<mapping_pattern> read_mappings(const yaml_node& node)
{
    if (!node.is_sequence()) reject(node, "'mappings' must be a list");
    std::vector<mapping_pattern> mappings;
    for (const yaml_node& each : node.items) {
        mappings.push_back(read_mapping(each));
        if (mappings.back().smooth_layer.empty() || mappings.back().balance_layers.empty())
            reject(each, "a mapping needs smooth_layer and balance_layers");
    }
    return mappings;
}

inline duo read_duo_scaling(const yaml_node& node)
{
    return node.is_scalar() && node.text == "both" ? duo::both : truth(node) ? duo::on : duo::off;
}

inline loss_kind read_loss(const yaml_node& node)
{
    const auto loss = parse_loss(text(node));
    if (!loss) reject(node, loss.error().text());
    return *loss;
}

/// Reads the arguments of one modifier.
class modifier_reader {
public:
    modifier_reader(recipe& into, const yaml_node& node)
        : into_(into), name_(node.key), awq_(name_ == "AWQModifier"), gptq_(name_ == "GPTQModifier")
    {}

    void read(const yaml_node& node)
    {
        into_.smoothing |= awq_;
        if (node.is_null()) return;
        for (const yaml_node& value : entries(node)) read_key(value);
        if (scheme_) read_scheme(into_, *scheme_, targets_);
        if (has_targets_ && !scheme_ && targets_ != std::vector<std::string>{"Linear"})
            into_.notes.push_back("'targets' of " + name_ +
                                  " has no effect: it is for 'scheme', and "
                                  "config groups have their own");
    }

private:
    void read_key(const yaml_node& value)
    {
        const std::string& key = value.key;
        const auto is_in = [&](const auto& keys) { return std::ranges::count(keys, key) > 0; };
        const bool known = is_in(quantization_keys) || (awq_ && is_in(search_keys)) || (gptq_ && is_in(feedback_keys));
        if (value.is_null()) return known ? void() : note_unused(into_, key); // asks for nothing
        if (is_in(unused_modifier_keys)) return note_unused(into_, key);
        if (!known) reject_unknown(value);
        if (is_in(quantization_keys)) return read_quantization_key(value);
        if (is_in(search_keys)) return read_search_key(value);
        if (key == "actorder") return read_order(into_, value);
        into_.damping = static_cast<float>(real(value, 1e-6, largest_damping));
    }

    [[noreturn]] void reject_unknown(const yaml_node& value) const
    {
        std::vector<std::string_view> known{quantization_keys.begin(), quantization_keys.end()};
        if (awq_) known.insert(known.end(), search_keys.begin(), search_keys.end());
        if (gptq_) known.insert(known.end(), feedback_keys.begin(), feedback_keys.end());
        reject_key(value, name_, known);
    }

    void read_quantization_key(const yaml_node& value)
    {
        if (value.key == "ignore")
            add_ignored(texts(value));
        else if (value.key == "targets")
            targets_ = texts(value), has_targets_ = true;
        else if (value.key == "scheme")
            scheme_ = &value;
        else if (value.key == "kv_cache_scheme")
            reject(value, "'kv_cache_scheme' is not supported; remove it");
        else
            for (const yaml_node& group : entries(value)) into_.groups.push_back(read_group(into_, group));
    }

    void read_search_key(const yaml_node& value)
    {
        if (value.key == "smoothing_only")
            into_.smoothing_only = truth(value);
        else if (value.key == "group_size")
            into_.group_size = read_group_size(value);
        else if (value.key == "n_grid")
            into_.n_grid = count(value, 2, largest_n_grid);
        else if (value.key == "duo_scaling")
            into_.duo_scaling = read_duo_scaling(value);
        else if (value.key == "loss")
            into_.loss = read_loss(value);
        else
            into_.mappings = read_mappings(value);
    }

    /// One run has one list: that of all modifiers together.
    void add_ignored(std::vector<std::string> names)
    {
        if (!into_.ignore || into_.ignore->empty()) {
            into_.ignore = std::move(names);
            return;
        }
        if (names == *into_.ignore || names.empty()) return;
        for (std::string& name : names)
            if (std::ranges::find(*into_.ignore, name) == into_.ignore->end()) into_.ignore->push_back(std::move(name));
        into_.notes.push_back("the modifiers' lists of 'ignore' differ: what one of them names is left "
                              "out by all");
    }

    recipe& into_;
    std::string name_;
    bool awq_, gptq_, has_targets_ = false;
    std::vector<std::string> targets_{"Linear"};
    const yaml_node* scheme_ = nullptr;
};

/// A modifier by its name, `node.key`.
inline void read_modifier(recipe& into, const yaml_node& node)
{
    if (node.key == "SmoothQuantModifier")
        reject_line(node.key_line, "SmoothQuantModifier smooths for rounded activations, which is not "
                                   "done here; AWQModifier smooths for the weights");
    if (std::ranges::count(modifier_names, node.key) == 0)
        reject_line(node.key_line, "unknown modifier '", printable(node.key, 60), "'; ",
                    known_names(node.key, modifier_names));
    modifier_reader{into, node}.read(node);
}

} // namespace awq::detail

#endif
