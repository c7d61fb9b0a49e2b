// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_LOAD_RECIPE_HPP
#define AWQ_RECIPE_LOAD_RECIPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/read_file.hpp>
#include <awq/recipe/read_modifier.hpp>
#include <awq/recipe/read_yaml.hpp>
#include <awq/recipe/recipe.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace awq {

namespace detail {

/// Reads stages, which hold modifiers under a key that ends in "modifiers", as maps or as lists; a
/// modifier may also stand alone.
class stage_reader {
public:
    explicit stage_reader(recipe& into) : into_(into) {}

    void read(const yaml_node& node)
    {
        if (node.key == "args" && (node.is_null() || (node.is_map() && node.items.empty()))) return;
        if (holds_modifiers(node.key)) return read_all(node);
        const auto [first, is_new] = lines_.emplace(node.key, node.key_line);
        if (!is_new)
            reject_line(node.key_line, printable(node.key, 60), " is there already, in line ", first->second,
                        "; a recipe is one run");
        read_modifier(into_, node);
    }

    /// The entries of a stage or of a list: `- AWQModifier: ...` or `- !AWQModifier ...`.
    void read_all(const yaml_node& node)
    {
        if (!node.is_sequence()) {
            for (const yaml_node& each : entries(node)) read(each);
            return;
        }
        for (yaml_node each : node.items) {
            if (each.tag.starts_with('!') && each.tag.size() > 1) {
                each.key = each.tag.substr(1);
                each.key_line = each.line;
                read(each);
            } else {
                if (!each.is_map()) reject(each, "a list of modifiers needs entries like 'AWQModifier: ...'");
                read_all(each);
            }
        }
    }

    bool found_any() const noexcept { return !lines_.empty(); }

private:
    /// "quant_stage", "default_stage_1" of two recipes that were joined, "quant_modifiers".
    static bool holds_modifiers(std::string_view key) noexcept
    {
        const std::string_view name = key.substr(0, key.find_last_not_of("0123456789_") + 1);
        return name.ends_with("_stage") || key.ends_with("_modifiers") || key == "modifiers";
    }

    recipe& into_;
    std::map<std::string, std::size_t> lines_; ///< where each modifier was found
};

inline result<recipe> read_recipe(const std::string& path)
{
    AWQ_TRY(const std::string text, read_file(path, yaml_limits{}.file_bytes));
    const auto root = read_yaml(text);
    if (!root) return root.error().within(path);
    const auto read = [&]() -> result<recipe> {
        recipe loaded;
        loaded.path = path;
        stage_reader stages{loaded};
        if (root->is_map() || root->is_sequence()) stages.read_all(*root);
        if (!stages.found_any())
            return error{error_code::malformed_file,
                         "holds no modifier; a recipe holds stages of modifiers, as in quant_stage: "
                         "{quant_modifiers: {AWQModifier: {...}}}"};
        return loaded;
    };
    auto loaded = catch_yaml_problems(read);
    if (!loaded) return loaded.error().within(path);
    return loaded;
}

} // namespace detail

/// Reads a YAML or JSON recipe in llm-compressor's form: stages, modifiers (AWQModifier,
/// QuantizationModifier, GPTQModifier), arguments. The file is hostile until checked: `yaml_limits`
/// bounds its size, its depth and what its aliases grow to, every number has a range.
/// Errors name the file and the line: what is no recipe; a key that is not known, with the nearest
/// known one; a known one that asks for what is not done here. Keys that change nothing are accepted
/// and listed in `recipe::unused_keys`. `unsupported` where the program is compiled without exceptions.
inline result<recipe> load_recipe(const std::string& path)
{
    return catch_out_of_memory(path, give_more_memory, [&] { return detail::read_recipe(path); });
}

} // namespace awq

#endif
