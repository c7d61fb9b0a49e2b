// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_CONFIG_GROUP_MATCHER_HPP
#define AWQ_CHECKPOINT_CONFIG_GROUP_MATCHER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/format/name_matcher.hpp>
#include <awq/io/compressed_tensors/quantization_config.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Which entry of `config_groups` a linear layer belongs to, by compressed-tensors' rule: a target
/// that is the layer's name goes before an expression that matches it, and that before "Linear".
/// Among expressions the first by alphabet decides.
class config_group_matcher {
public:
    /// Error: an expression that does not compile, named.
    static result<config_group_matcher> make(compressed_tensors::quantization_config config, std::string_view where)
    {
        config_group_matcher made;
        made.config_ = std::move(config);
        for (std::size_t group = 0; group < made.config_.groups.size(); ++group)
            for (const std::string& target : made.config_.groups[group].targets)
                AWQ_CHECK(made.add(target, group, where));
        std::sort(made.expressions_.begin(), made.expressions_.end(),
                  [](const auto& a, const auto& b) { return a.text < b.text; });
        return made;
    }

    const compressed_tensors::quantization_config& config() const noexcept { return config_; }

    /// Null where no target means the layer.
    const compressed_tensors::config_group* find(std::string_view layer) const
    {
        for (const auto& [name, group] : names_)
            if (name == layer) return &config_.groups[group];
        for (const target_expression& each : expressions_)
            if (name_matcher::begins_with(each.compiled, layer)) return &config_.groups[each.group];
        for (const auto& [name, group] : names_)
            if (name == "Linear") return &config_.groups[group];
        return nullptr;
    }

private:
    struct target_expression {
        std::string text;
        regex compiled;
        std::size_t group;
    };

    status add(const std::string& target, std::size_t group, std::string_view where)
    {
        const std::string_view expression = expression_of(target);
        if (expression.empty()) {
            names_.emplace_back(target, group);
            return {};
        }
        AWQ_TRY(regex compiled, regex::compile(expression, where));
        expressions_.push_back({target, std::move(compiled), group});
        return {};
    }

    compressed_tensors::quantization_config config_;
    std::vector<std::pair<std::string, std::size_t>> names_;
    std::vector<target_expression> expressions_;
};

} // namespace awq

#endif
