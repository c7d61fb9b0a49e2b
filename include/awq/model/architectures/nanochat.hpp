// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_NANOCHAT_HPP
#define AWQ_MODEL_ARCHITECTURES_NANOCHAT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>

#include <cstddef>
#include <utility>

namespace awq {

inline void nanochat_defaults(model_config& config)
{
    config.hidden_act = "relu2";
    config.norm_weights = false;
    config.normed_embeddings = true;
    config.logit_cap = 15.0;
    config.rope.is_reversed = true;
}

/// Norms without weights, also of the embeddings, and of queries and keys after the rotation.
inline block_layout nanochat_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = query_key_norm::after_rotary}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x, {.up = "fc1", .down = "fc2", .is_gated = false}));
    return std::move(b).finish();
}

} // namespace awq

#endif
