// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_LAYER_FORMAT_HPP
#define AWQ_RECIPE_LAYER_FORMAT_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace awq {

/// How a run quantizes some layers.
struct layer_format {
    std::vector<std::string> targets{"Linear"}; ///< names, `re:` patterns, or "Linear"
    std::string scheme = {};                    ///< "W4A16_ASYM"
    std::optional<std::size_t> group_size = {}; ///< 0: per channel; empty: the scheme's own
    std::string recipe = {}; ///< the file that says so: targets that match nothing are then a warning

    bool operator==(const layer_format&) const = default;
};

} // namespace awq

#endif
