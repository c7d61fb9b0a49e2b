// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_LAYER_NAMES_HPP
#define AWQ_BLOCK_LAYER_NAMES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/block_tensors.hpp>
#include <awq/block/tensor_source.hpp>
#include <awq/format/name_matcher.hpp>
#include <awq/support/printable.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// The linear layers of a model's blocks, by their full names; routers are not among them.
inline std::vector<std::string> linear_layers_of(const model_config& config)
{
    std::vector<std::string> names;
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        for (const block_linear& linear : layout_of(config, layer).linears)
            if (!linear.is_router) names.push_back(block_prefix(config, layer) + linear.name);
    return names;
}

/// What to say of a pattern that matches none of the names.
inline std::string matches_nothing(std::string_view where, std::string_view pattern,
                                   const std::vector<std::string>& names)
{
    return std::string{where} + ": \"" + printable(pattern) +
           "\" matches no layer of the model, whose layers have names like " + names.front();
}

/// The patterns that match none of the names, in order; `where` says who gave them. Errors: a pattern
/// that does not compile, or takes too long on a name.
inline result<std::vector<std::string>> unmatched_patterns(const std::vector<std::string>& patterns,
                                                           const std::vector<std::string>& names,
                                                           std::string_view where)
{
    std::vector<std::string> unmatched;
    regex::scratch memory; // which limits the time of all matches together
    for (const std::string& pattern : patterns) {
        AWQ_TRY(const name_matcher matcher, name_matcher::compile({pattern}, where));
        bool found = false;
        for (const std::string& name : names) {
            const result<bool> matched = matcher.try_match(name, memory);
            if (!matched) return matched.error().within(where);
            found |= *matched;
        }
        if (!found) unmatched.push_back(pattern);
    }
    return unmatched;
}

} // namespace awq

#endif
