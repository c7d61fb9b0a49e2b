// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GEMMA3_HPP
#define AWQ_MODEL_ARCHITECTURES_GEMMA3_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/gemma.hpp>
#include <awq/model/block/block_builder.hpp>

namespace awq {

inline void gemma3_defaults(model_config& config)
{
    gemma_defaults(config);
    config.vocab_size = 262208;
    config.hidden_size = 2304;
    config.intermediate_size = 9216;
    config.num_hidden_layers = 26;
    config.num_attention_heads = 8;
    config.num_key_value_heads = 4;
    config.max_position_embeddings = 131072;
    config.sliding_window = 4096;
    config.sliding_window_pattern = 6;
    config.query_pre_attn_scalar = 256.0;
    config.qk_norm = true;
    config.rope.theta = 1e6;
    config.local_rope = rope_config{};
}

/// Gemma 2's block with norms of queries and keys.
inline block_layout gemma3_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.leave_out(x); // norms of queries and keys make smoothing before them harmful
    x = b.attention(x, {.norm = config.qk_norm ? query_key_norm::per_head : query_key_norm::none});
    b.add(b.norm("post_attention_layernorm", "post_attention_norm", x));
    x = b.norm("pre_feedforward_layernorm", "ffn_norm");
    x = b.mlp(x);
    b.add(b.norm("post_feedforward_layernorm", "post_ffw_norm", x));
    return std::move(b).finish();
}

} // namespace awq

#endif
