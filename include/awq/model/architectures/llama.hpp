// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_LLAMA_HPP
#define AWQ_MODEL_ARCHITECTURES_LLAMA_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>

namespace awq {

/// Llama's block; with the config's biases, and norms of queries and keys, also that of Mistral, Qwen 2
/// and 3, Gemma 1, Granite, SmolLM 3, Seed-OSS.
inline block_layout llama_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = config.qk_norm ? query_key_norm::per_head : query_key_norm::none}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x));
    return std::move(b).finish();
}

inline void llama_defaults(model_config&) {}

} // namespace awq

#endif
