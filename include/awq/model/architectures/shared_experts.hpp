// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_SHARED_EXPERTS_HPP
#define AWQ_MODEL_ARCHITECTURES_SHARED_EXPERTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>

namespace awq {

/// Experts, and beside them an MLP that every token goes through, where the config has one; gives what
/// both have made.
inline value_id experts_and_shared(block_builder& b, value_id x, const model_config& config,
                                   const experts_options& options, std::string_view shared = "shared_experts.")
{
    const value_id chosen = b.experts(x, options);
    if (config.experts.shared_width == 0) return chosen;
    const std::string at = std::string{options.at}.append(shared);
    const value_id all = b.mlp(x, {.at = at,
                                   .width = config.experts.shared_width,
                                   .width_field = "shared experts * moe_intermediate_size",
                                   .gguf = "_shexp"});
    return b.merge(chosen, all);
}

} // namespace awq

#endif
