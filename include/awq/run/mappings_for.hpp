// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_MAPPINGS_FOR_HPP
#define AWQ_RUN_MAPPINGS_FOR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/mapping_set.hpp>
#include <awq/checkpoint/directory_source.hpp>
#include <awq/run/run_settings.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// The mappings of a run: none where it does not smooth, else the user's, else the architecture's.
inline result<mapping_set> mappings_for(const run_settings& options, const directory_source& source)
{
    if (!options.smoothing) return mapping_set{};
    if (!options.mappings) return mapping_set::from_layouts(options.all_mappings);
    std::vector<std::string> names;
    constexpr std::string_view suffix = ".weight";
    for (const safetensors::tensor* const each : source.checkpoint().tensors())
        if (const std::string_view name = each->name; name.ends_with(suffix))
            names.emplace_back(name.substr(0, name.size() - suffix.size()));
    return mapping_set::make(*options.mappings, options.mappings_recipe, names);
}

} // namespace awq

#endif
