// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_MPT_HPP
#define AWQ_MODEL_ARCHITECTURES_MPT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

#include <cstddef>
#include <utility>

namespace awq {

inline void mpt_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.intermediate_size = 0;
    config.norms = norm_kind::layer;
    config.hidden_act = "gelu";
    config.tie_word_embeddings = true;
    config.alibi.most = 8.0;
    config.names = {"transformer.blocks.", "transformer.wte", "", "transformer.norm_f", "lm_head"};
}

/// Scores fall with the distance, so no layer turns.
inline status read_mpt(const json::value& root, model_config& config)
{
    config.num_key_value_heads = 0; // as many as query heads
    config.unturned_layers.assign(config.num_hidden_layers, true);
    const auto attention = root.find_non_null("attn_config");
    if (!attention) return {};
    bool falls = true, has_norms = false;
    AWQ_CHECK(detail::read_field(*attention, "alibi", falls));
    AWQ_CHECK(detail::read_field(*attention, "qk_ln", has_norms));
    AWQ_CHECK(detail::read_field(*attention, "alibi_bias_max", config.alibi.most));
    AWQ_CHECK(detail::read_field(*attention, "softmax_scale", config.attention_multiplier));
    AWQ_CHECK(detail::read_field(*attention, "clip_qkv", config.projection_limit));
    if (falls && !has_norms) return {};
    return attention->error(error_code::unsupported, "alibi false and qk_ln are not supported");
}

/// Layer norms without biases, and one layer for q, k and v.
inline block_layout mpt_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("norm_1", "attn_norm");
    b.add(b.attention(x, {.at = "attn.", .o = "out_proj", .fused = "Wqkv"}));
    x = b.norm("norm_2", "ffn_norm");
    b.add(b.mlp(x, {.at = "ffn.", .up = "up_proj", .width_field = "n_inner", .is_gated = false}));
    return std::move(b).finish();
}

} // namespace awq

#endif
