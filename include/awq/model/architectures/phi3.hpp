// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_PHI3_HPP
#define AWQ_MODEL_ARCHITECTURES_PHI3_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void phi3_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 4096;
}

/// `original_max_position_embeddings` stands outside of the rope's fields.
inline status read_phi3(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "sliding_window", config.sliding_window));
    return detail::read_field(root, "original_max_position_embeddings", config.rope.original_max_position_embeddings);
}

/// q, k and v are one layer, and so are gate and up.
inline block_layout phi3_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.fused = "qkv_proj"}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x, {.fused = "gate_up_proj"}));
    return std::move(b).finish();
}

} // namespace awq

#endif
