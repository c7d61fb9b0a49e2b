// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_BLOCK_SETTINGS_HPP
#define AWQ_RECIPE_BLOCK_SETTINGS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/rounding_options.hpp>
#include <awq/recipe/smoothing_options.hpp>

#include <cstddef>

namespace awq {

/// What the work on one block needs to know of a request.
struct block_settings {
    bool smoothing_only = false; ///< the weights stay in 16 bits
    bool all_mappings = false;
    bool smooth_grouped_query = false;
    search_options search{};
    loss_kind loss = loss_kind::screened;
    std::size_t exact_loss_tokens = smoothing_options{}.exact_loss_tokens;
    std::size_t search_tokens = smoothing_options{}.search_tokens;
    rounding_options rounding{};
};

} // namespace awq

#endif
