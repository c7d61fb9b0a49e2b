// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_QWEN3_MOE_HPP
#define AWQ_MODEL_ARCHITECTURES_QWEN3_MOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/qwen3.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void qwen3_moe_defaults(model_config& config)
{
    qwen3_defaults(config);
    config.num_key_value_heads = 4;
    config.head_dim = 0;
    config.experts = {.count = 128, .per_token = 8, .width = 768, .normalized = false};
}

/// The text part of Qwen 3 VL: weights always add up to 1.
inline void qwen3_vl_moe_defaults(model_config& config)
{
    qwen3_moe_defaults(config);
    config.num_key_value_heads = 16;
    config.max_position_embeddings = 128000;
    config.rope.theta = 5e5;
    config.experts = {.count = 60, .per_token = 4, .width = 1408};
}

/// Qwen 3 with experts instead of the MLP, in all blocks or some.
inline block_layout qwen3_moe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = query_key_norm::per_head}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(config.experts.in(layer) ? b.experts(x, {.order = stack_order::by_shape}) : b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
