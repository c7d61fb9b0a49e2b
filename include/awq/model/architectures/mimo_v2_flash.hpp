// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_MIMO_V2_FLASH_HPP
#define AWQ_MODEL_ARCHITECTURES_MIMO_V2_FLASH_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/shared_experts.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void mimo_v2_flash_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 4;
    config.head_dim = 192;
    config.value_head_dim = 128;
    config.value_multiplier = 0.707;
    config.max_position_embeddings = 131072;
    config.sliding_window = 128;
    config.experts = {.count = 256, .per_token = 8, .width = 2048, .first = 1};
    config.rope = {.theta = 5e6, .partial_rotary_factor = 0.334};
    config.local_rope = rope_config{.partial_rotary_factor = 0.334};
}

inline status read_mimo_v2_flash(const json::value& root, model_config& config)
{
    using detail::read_field;
    if (const auto factor = root.find("attention_value_scale"); factor && factor->is_null())
        config.value_multiplier = 1.0;
    AWQ_CHECK(read_field(root, "attention_value_scale", config.value_multiplier));
    AWQ_CHECK(read_field(root, "v_head_dim", config.value_head_dim));
    for (std::size_t i = 0; config.sliding_layers.size() < config.num_hidden_layers; ++i)
        config.sliding_layers.push_back(i != 0 && (i + 1) % 6 != 0);
    config.qkv_bias = std::exchange(config.attention_bias, false);
    return read_experts(root, config);
}

/// Layers with a window have sinks, and twice the key and value heads.
inline block_layout mimo_v2_flash_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    const bool is_sliding = config.is_sliding(layer);
    b.add(b.attention(
        x, {.sinks = is_sliding ? "attention_sink_bias" : "", .kv_heads = config.kv_heads() * (is_sliding ? 2 : 1)}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(config.experts.in(layer) ? b.experts(x, {.router_bias = "gate.e_score_correction_bias",
                                                   .kind = router_kind::sigmoid,
                                                   .count_field = "n_routed_experts"})
                                   : b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
