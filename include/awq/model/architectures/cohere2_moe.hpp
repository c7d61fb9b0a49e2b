// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_COHERE2_MOE_HPP
#define AWQ_MODEL_ARCHITECTURES_COHERE2_MOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/cohere.hpp>
#include <awq/model/architectures/shared_experts.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void cohere2_moe_defaults(model_config& config)
{
    cohere2_defaults(config);
    config.experts = {.count = 8, .per_token = 2};
}

/// Its own patterns: layers without a window do not turn, but dense ones do where their pattern is 1.
inline status read_cohere2_moe(const json::value& root, model_config& config)
{
    using detail::read_field;
    if (root.find_non_null("rms_norm_eps")) config.norms = norm_kind::rms;
    std::size_t shared = 0, prefix_pattern = 1;
    std::string combined = "average", kind = "softmax";
    AWQ_CHECK(read_experts(root, config));
    AWQ_CHECK(read_field(root, "num_shared_experts", shared));
    AWQ_CHECK(read_field(root, "prefix_dense_sliding_window_pattern", prefix_pattern));
    AWQ_CHECK(read_field(root, "shared_expert_combination_strategy", combined));
    AWQ_CHECK(read_field(root, "expert_selection_fn", kind));
    config.experts.width = config.intermediate_size;
    config.experts.shared_width = shared * config.intermediate_size;
    config.experts.averaged = shared != 0 && combined == "average";
    config.experts.by_sigmoid = kind == "sigmoid";
    config.experts.dense_width = config.intermediate_size;
    AWQ_CHECK(read_field(root, "prefix_dense_intermediate_size", config.experts.dense_width));
    for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
        const bool is_forced = !config.experts.in(i) && prefix_pattern == 1;
        config.unturned_layers.push_back(!config.is_sliding(i) && !is_forced);
    }
    return read_field(root, "logit_scale", config.logit_multiplier);
}

/// Attention and experts side by side behind one norm.
inline block_layout cohere2_moe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    const value_id x = b.norm("input_layernorm", "attn_norm");
    const value_id mixed = b.attention(x, {.pairs = true});
    const experts_options options{.kind = config.experts.by_sigmoid ? router_kind::sigmoid_chosen
                                                                    : router_kind::softmax_chosen};
    const bool has_experts = config.experts.in(layer);
    const value_id made =
        has_experts ? experts_and_shared(b, x, config, options) : b.mlp(x, {.width = config.experts.dense_width});
    b.add(mixed);
    b.add(made, has_experts && config.experts.averaged ? 0.5f : 1.0f);
    return std::move(b).finish();
}

} // namespace awq

#endif
