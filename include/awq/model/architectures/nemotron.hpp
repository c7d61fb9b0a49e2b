// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_NEMOTRON_HPP
#define AWQ_MODEL_ARCHITECTURES_NEMOTRON_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>

namespace awq {

inline void nemotron_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 4096;
    config.norms = norm_kind::layer;
    config.norm_biases = config.offset_norms = true;
    config.hidden_act = "relu2";
    config.rope.partial_rotary_factor = 0.5;
}

/// A plain MLP with relu squared, or any other activation; Arcee's block, too.
inline block_layout nemotron_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x, {.is_gated = false}));
    return std::move(b).finish();
}

/// Arcee: a Llama with that MLP.
inline void arcee_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 4096;
    config.hidden_act = "relu2";
}

} // namespace awq

#endif
