// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_BLOOM_HPP
#define AWQ_MODEL_ARCHITECTURES_BLOOM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

#include <cstddef>
#include <utility>

namespace awq {

inline void bloom_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.intermediate_size = 0;
    config.norms = norm_kind::layer;
    config.norm_biases = config.normed_embeddings = true;
    config.hidden_act = "gelu_pytorch_tanh";
    config.attention_bias = config.mlp_bias = config.tie_word_embeddings = true;
    config.alibi.most = 8.0;
    config.names = {"transformer.h.", "transformer.word_embeddings",          "", "transformer.ln_f",
                    "lm_head",        "transformer.word_embeddings_layernorm"};
}

/// Scores fall with the distance, so no layer turns.
inline status read_bloom(const json::value& root, model_config& config)
{
    bool after = false;
    config.num_key_value_heads = 0; // as many as query heads
    AWQ_CHECK(detail::read_field(root, "apply_residual_connection_post_layernorm", after));
    config.unturned_layers.assign(config.num_hidden_layers, true);
    if (!after) return {};
    return root.error(error_code::unsupported, "apply_residual_connection_post_layernorm is not supported");
}

/// Layer norms, and one layer that has q, k and v head by head.
inline block_layout bloom_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.at = "self_attention.", .o = "dense", .fused = "query_key_value", .by_group = true}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x, {.up = "dense_h_to_4h", .down = "dense_4h_to_h", .width_field = "n_inner", .is_gated = false}));
    return std::move(b).finish();
}

} // namespace awq

#endif
