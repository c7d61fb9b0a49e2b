// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_HELIUM_HPP
#define AWQ_MODEL_ARCHITECTURES_HELIUM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void helium_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-8;
    config.head_dim = 128;
    config.max_position_embeddings = 4096;
    config.rope.theta = 1e5;
}

/// ERNIE 4.5, dense.
inline void ernie4_5_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 2;
    config.head_dim = 128;
    config.max_position_embeddings = 131072;
    config.rope.theta = 5e5;
    config.tie_word_embeddings = true;
}

inline status read_ernie4_5(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "use_bias", config.attention_bias));
    config.mlp_bias = config.attention_bias;
    return {};
}

/// Llama's block, but neighbouring dimensions of a head turn together.
inline block_layout helium_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.pairs = true}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
