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
    config.names = {"model.decoder.layers.", "model.decoder.embed_tokens",
                    "model.decoder.embed_positions", "model.decoder.final_layer_norm", "lm_head"};
}

/// Learned positions, so no layer turns. What only the 350M model has is refused.
inline status read_opt(const json::value& root, model_config& config)
{
    bool norm_before = true;
    std::size_t embedding = config.hidden_size;
    AWQ_CHECK(detail::read_field(root, "do_layer_norm_before", norm_before));
    AWQ_CHECK(detail::read_field(root, "word_embed_proj_dim", embedding));
    AWQ_CHECK(detail::read_field(root, "enable_bias", config.attention_bias));
    config.mlp_bias = config.attention_bias;
    config.num_key_value_heads = 0; // as many as query heads, whatever the file says
    config.unturned_layers.assign(config.num_hidden_layers, true);
    if (norm_before && embedding == config.hidden_size) return {};
    return root.error(error_code::unsupported, "do_layer_norm_before false and a "
                                               "word_embed_proj_dim other than hidden_size are not "
                                               "supported");
}

inline block_layout opt_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("self_attn_layer_norm", "attn_norm");
    b.add(b.attention(x, {.o = "out_proj"}));
    x = b.norm("final_layer_norm", "ffn_norm");
    b.add(b.mlp(x, {.at = "", .up = "fc1", .down = "fc2", .width_field = "ffn_dim", .is_gated = false}));
    return std::move(b).finish();
}

} // namespace awq

#endif
