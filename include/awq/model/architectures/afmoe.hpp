// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_AFMOE_HPP
#define AWQ_MODEL_ARCHITECTURES_AFMOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/shared_experts.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void afmoe_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.head_dim = 128;
    config.max_position_embeddings = 16384;
    config.sliding_window = 1024;
    config.sliding_window_pattern = 4;
    config.experts = {.count = 64, .per_token = 6, .width = 1408, .first = 1};
}

/// Layers that see all tokens have no rotary embedding.
inline status read_afmoe(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "global_attn_every_n_layers", config.sliding_window_pattern));
    AWQ_CHECK(detail::read_field(root, "mup_enabled", config.scaled_embeddings));
    for (std::size_t i = 0; i < config.num_hidden_layers; ++i) config.unturned_layers.push_back(!config.is_sliding(i));
    config.experts.shared_width = 2 * config.experts.width; // where nothing is said
    return read_experts(root, config);
}

/// Norms around attention and experts, and a gate behind attention.
inline block_layout afmoe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    x = b.attention(x, {.norm = query_key_norm::per_head, .gate = "gate_proj"});
    b.add(b.norm("post_attention_layernorm", "attn_post_norm", x));
    x = b.norm("pre_mlp_layernorm", "ffn_norm");
    const experts_options options{.router = "router.gate", .router_bias = "expert_bias", .kind = router_kind::sigmoid};
    x = config.experts.in(layer) ? experts_and_shared(b, x, config, options) : b.mlp(x);
    b.add(b.norm("post_mlp_layernorm", "ffn_post_norm", x));
    return std::move(b).finish();
}

} // namespace awq

#endif
