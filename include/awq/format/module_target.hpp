// SPDX-License-Identifier: MIT
#ifndef AWQ_FORMAT_MODULE_TARGET_HPP
#define AWQ_FORMAT_MODULE_TARGET_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/model_config.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// A module of a checkpoint, and what a `quantization_config` calls it: its name, or "re:" and an
/// expression.
struct named_module {
    std::string name;
    std::string target;
};

/// Appends a module, unless one with its target is there.
inline void add_once(std::vector<named_module>& modules, named_module each)
{
    if (std::ranges::find(modules, each.target, &named_module::target) == modules.end())
        modules.push_back(std::move(each));
}

namespace detail {

/// The name as an expression that matches nothing else.
inline std::string escaped(std::string_view name)
{
    std::string text;
    for (const char each : name) {
        if (std::string_view{".^$*+?()[]{}|\\"}.find(each) != std::string_view::npos) text += '\\';
        text += each;
    }
    return text;
}

} // namespace detail

namespace detail {

/// Layers that transformers has under another name than the checkpoint, both as they end.
struct other_module {
    std::string_view architecture, name, other;
};

inline constexpr other_module other_modules[] = {{"PhimoeForCausalLM", "block_sparse_moe.gate", "mlp.router"}};

} // namespace detail

/// What readers find modules by. They load multimodal checkpoints under other prefixes than the files
/// have, each its own ("language_model.model." becomes "model.language_model."): there a target says how
/// the name ends, or which part of the model it is in.
class module_targets {
public:
    explicit module_targets(const model_config& config)
        : architecture_(config.architecture), is_part_(config.is_text_part), prefix_(config.names.blocks)
    {
        const std::string_view path = std::string_view{prefix_}.substr(0, prefix_.size() - 1);
        prefix_.resize(path.rfind('.') == std::string_view::npos ? 0 : path.rfind('.') + 1);
    }

    /// A module of the text model, by its full name.
    named_module of(std::string name) const
    {
        if (!is_part_) return {name, name_or_other(name)};
        std::string_view end = name;
        if (end.starts_with(prefix_))
            end.remove_prefix(prefix_.size());
        else
            end = end.substr(end.rfind('.') + 1); // the head
        std::string target = "re:(.*\\.)?" + detail::escaped(end) + "$";
        return {std::move(name), std::move(target)};
    }

    /// What a module outside of the text model belongs to: all of "vision_tower".
    named_module outside(std::string_view name) const
    {
        if (!is_part_ || part_of(name) == part_of(prefix_)) return of(std::string{name});
        const std::string_view part = part_of(name);
        return {std::string{part}, "re:(.*\\.)?" + detail::escaped(part) + "(\\..*)?$"};
    }

private:
    /// The name; where transformers has another one, an expression of both.
    std::string name_or_other(std::string_view name) const
    {
        for (const detail::other_module& each : detail::other_modules) {
            if (each.architecture != architecture_ || !name.ends_with(each.name)) continue;
            const std::string_view start = name.substr(0, name.size() - each.name.size());
            return "re:" + detail::escaped(start) + "(" + detail::escaped(each.name) + "|" +
                   detail::escaped(each.other) + ")$";
        }
        return std::string{name};
    }

    /// "vision_tower" of "model.vision_tower.layers.0".
    static std::string_view part_of(std::string_view name)
    {
        if (name.starts_with("model.")) name.remove_prefix(6);
        return name.substr(0, name.find('.'));
    }

    std::string architecture_;
    bool is_part_;
    std::string prefix_; ///< of the text model's modules
};

} // namespace awq

#endif
