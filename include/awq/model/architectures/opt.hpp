// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_OPT_HPP
#define AWQ_MODEL_ARCHITECTURES_OPT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void opt_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.norms = norm_kind::layer;
    config.norm_biases = true;
    config.hidden_act = "relu";
    config.attention_bias = config.mlp_bias = true;
    config.tie_word_embeddings = true;
    config.position_offset = 2;
    config.names = {"model.decoder.layers.", "model.decoder.embed_tokens", "model.decoder.embed_positions",
                    "model.decoder.final_layer_norm", "lm_head"};
}

/// Learned positions, so no layer turns. The 350M model has its norms behind attention and MLP, none
/// at the end, and embeddings of half the width.
inline status read_opt(const json::value& root, model_config& config)
{
    bool norm_before = true, no_final_norm = false;
    std::size_t embedding = config.hidden_size;
    AWQ_CHECK(detail::read_field(root, "do_layer_norm_before", norm_before));
    AWQ_CHECK(detail::read_field(root, "_remove_final_layer_norm", no_final_norm));
    AWQ_CHECK(detail::read_field(root, "word_embed_proj_dim", embedding));
    config.norms_after = !norm_before;
    config.final_norm = norm_before && !no_final_norm;
    if (embedding != config.hidden_size) {
        config.embedding_size = embedding;
        config.names.project_in = "model.decoder.project_in";
        config.names.project_out = "model.decoder.project_out";
    }
    AWQ_CHECK(detail::read_field(root, "enable_bias", config.attention_bias));
    config.mlp_bias = config.attention_bias;
    config.num_key_value_heads = 0; // as many as query heads, whatever the file says
    config.unturned_layers.assign(config.num_hidden_layers, true);
    return {};
}

inline block_layout opt_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    const bool after = config.norms_after;
    value_id x = after ? b.hidden() : b.norm("self_attn_layer_norm", "attn_norm");
    b.add(b.attention(x, {.o = "out_proj"}));
    if (after) b.norm_hidden("self_attn_layer_norm", "attn_norm");
    x = after ? b.hidden() : b.norm("final_layer_norm", "ffn_norm");
    b.add(b.mlp(x, {.at = "", .up = "fc1", .down = "fc2", .width_field = "ffn_dim", .is_gated = false}));
    if (after) b.norm_hidden("final_layer_norm", "ffn_norm");
    return std::move(b).finish();
}

} // namespace awq

#endif
