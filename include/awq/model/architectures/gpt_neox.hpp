// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GPT_NEOX_HPP
#define AWQ_MODEL_ARCHITECTURES_GPT_NEOX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

#include <cstddef>
#include <utility>

namespace awq {

/// GPT-NeoX and Pythia.
inline void gpt_neox_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.norms = norm_kind::layer;
    config.norm_biases = true;
    config.hidden_act = "gelu";
    config.attention_bias = config.mlp_bias = config.parallel_residual = true;
    config.rope.partial_rotary_factor = 0.25;
    config.names = {"gpt_neox.layers.", "gpt_neox.embed_in", "", "gpt_neox.final_layer_norm", "embed_out"};
}

inline status read_gpt_neox(const json::value& root, model_config& config)
{
    config.num_key_value_heads = 0; // as many as query heads
    return detail::read_field(root, "use_parallel_residual", config.parallel_residual);
}

/// Attention and MLP, each behind its own norm, side by side or one after the other.
inline block_layout gpt_neox_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    const value_id x = b.norm("input_layernorm", "attn_norm");
    const value_id mixed =
        b.attention(x, {.at = "attention.", .o = "dense", .fused = "query_key_value", .by_group = true});
    if (!config.parallel_residual) b.add(mixed);
    const value_id y = b.norm("post_attention_layernorm", "ffn_norm");
    const value_id made = b.mlp(y, {.up = "dense_h_to_4h", .down = "dense_4h_to_h", .is_gated = false});
    if (config.parallel_residual) b.add(mixed);
    b.add(made);
    return std::move(b).finish();
}

} // namespace awq

#endif
