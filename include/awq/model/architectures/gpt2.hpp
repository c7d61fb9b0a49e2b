// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GPT2_HPP
#define AWQ_MODEL_ARCHITECTURES_GPT2_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

#include <cstddef>
#include <utility>

namespace awq {

inline void gpt2_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.intermediate_size = 0;
    config.max_position_embeddings = 1024;
    config.norms = norm_kind::layer;
    config.norm_biases = true;
    config.hidden_act = "gelu_new";
    config.attention_bias = config.mlp_bias = true;
    config.tie_word_embeddings = true;
    config.transposed_layers = true;
    config.names = {"transformer.h.", "transformer.wte", "transformer.wpe", "transformer.ln_f", "lm_head"};
}

/// Learned positions, so no layer turns.
inline status read_gpt2(const json::value& root, model_config& config)
{
    bool is_scaled = true, by_layer = false;
    if (config.transposed_layers) config.num_key_value_heads = 0; // as many as query heads
    AWQ_CHECK(detail::read_field(root, "scale_attn_weights", is_scaled));
    AWQ_CHECK(detail::read_field(root, "scale_attn_by_inverse_layer_idx", by_layer));
    config.unturned_layers.assign(config.num_hidden_layers, true);
    if (is_scaled && !by_layer) return {};
    return root.error(error_code::unsupported, "scale_attn_weights false and "
                                               "scale_attn_by_inverse_layer_idx are not supported");
}

/// q, k and v are one layer.
inline block_layout gpt2_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    const bool by_head = !config.transposed_layers && config.kv_heads() == config.num_attention_heads;
    value_id x = b.norm("ln_1", "attn_norm");
    b.add(b.attention(x, {.at = "attn.", .o = "c_proj", .fused = "c_attn", .by_group = by_head}));
    x = b.norm("ln_2", "ffn_norm");
    b.add(b.mlp(x, {.up = "c_fc", .down = "c_proj", .width_field = "n_inner", .is_gated = false}));
    return std::move(b).finish();
}

/// StarCoder 1: a GPT-2 with one key and value head, and layers stored as elsewhere.
inline void gpt_bigcode_defaults(model_config& config)
{
    gpt2_defaults(config);
    config.hidden_act = "gelu_pytorch_tanh";
    config.transposed_layers = false;
}

inline status read_gpt_bigcode(const json::value& root, model_config& config)
{
    bool is_single = true;
    AWQ_CHECK(detail::read_field(root, "multi_query", is_single));
    config.num_key_value_heads = is_single ? 1 : 0;
    return read_gpt2(root, config);
}

} // namespace awq

#endif
