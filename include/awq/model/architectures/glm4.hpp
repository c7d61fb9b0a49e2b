// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GLM4_HPP
#define AWQ_MODEL_ARCHITECTURES_GLM4_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void glm_defaults(model_config& config)
{
    config.rms_norm_eps = 1.5625e-07;
    config.num_key_value_heads = 2;
    config.head_dim = 128;
    config.max_position_embeddings = 131072;
    config.qkv_bias = true;
    config.rope.partial_rotary_factor = 0.5;
}

/// `attention_bias` is of q, k and v only.
inline status read_glm(const json::value& root, model_config& config)
{
    config.attention_bias = false;
    return detail::read_field(root, "attention_bias", config.qkv_bias);
}

inline block_layout glm_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.pairs = true}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x, {.fused = "gate_up_proj"}));
    return std::move(b).finish();
}

/// GLM 4 (0414) has norms behind attention and MLP, too.
inline block_layout glm4_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.attention(b.norm("input_layernorm", "attn_norm"), {.pairs = true});
    b.add(b.norm("post_self_attn_layernorm", "post_attention_norm", x));
    x = b.mlp(b.norm("post_attention_layernorm", "ffn_norm"), {.fused = "gate_up_proj"});
    b.add(b.norm("post_mlp_layernorm", "post_ffw_norm", x));
    return std::move(b).finish();
}

} // namespace awq

#endif
