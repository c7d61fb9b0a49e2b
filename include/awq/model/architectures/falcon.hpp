// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_FALCON_HPP
#define AWQ_MODEL_ARCHITECTURES_FALCON_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

#include <cstddef>
#include <utility>

namespace awq {

/// Falcon 7B, 40B, 180B, 11B, and the older RW models.
inline void falcon_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.intermediate_size = 0;
    config.norms = norm_kind::layer;
    config.norm_biases = true;
    config.hidden_act = "gelu";
    config.tie_word_embeddings = config.parallel_residual = true;
    config.names = {"transformer.h.", "transformer.word_embeddings", "", "transformer.ln_f", "lm_head"};
}

/// What a block is made of follows from flags: `norms` of a parallel block are 1 or 2, and q, k and v
/// stand one behind the other where there is one key head, else head by head.
inline status read_falcon(const json::value& root, model_config& config)
{
    bool is_new = false, is_single = true, falls = false, has_bias = false;
    std::size_t kv_heads = config.num_attention_heads;
    AWQ_CHECK(detail::read_field(root, "new_decoder_architecture", is_new));
    AWQ_CHECK(detail::read_field(root, "multi_query", is_single));
    AWQ_CHECK(detail::read_field(root, "alibi", falls));
    AWQ_CHECK(detail::read_field(root, "bias", has_bias));
    AWQ_CHECK(detail::read_field(root, "parallel_attn", config.parallel_residual));
    for (const std::string_view key : {"n_head_kv", "num_kv_heads"}) AWQ_CHECK(detail::read_field(root, key, kv_heads));
    config.num_key_value_heads = is_new ? kv_heads : is_single ? 1 : config.num_attention_heads;
    config.parallel_norms = is_new ? 2 : 1;
    AWQ_CHECK(detail::read_field(root, "num_ln_in_parallel_attn", config.parallel_norms));
    config.attention_bias = config.mlp_bias = has_bias;
    config.parallel_residual |= is_new;
    if (!falls) return {};
    config.alibi = {8.0, true};
    config.unturned_layers.assign(config.num_hidden_layers, true);
    return {};
}

inline block_layout falcon_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    const bool is_double = config.parallel_residual && config.parallel_norms == 2;
    value_id x = b.norm(is_double ? "ln_attn" : "input_layernorm", is_double ? "attn_norm_2" : "attn_norm");
    const value_id mixed = b.attention(
        x, {.at = "self_attention.", .o = "dense", .fused = "query_key_value", .by_group = config.kv_heads() > 1});
    if (!config.parallel_residual) b.add(mixed);
    if (!config.parallel_residual) x = b.norm("post_attention_layernorm", "ffn_norm");
    if (is_double) x = b.norm("ln_mlp", "attn_norm");
    const value_id made =
        b.mlp(x, {.up = "dense_h_to_4h", .down = "dense_4h_to_h", .width_field = "ffn_hidden_size", .is_gated = false});
    if (config.parallel_residual) b.add(mixed);
    b.add(made);
    return std::move(b).finish();
}

} // namespace awq

#endif
