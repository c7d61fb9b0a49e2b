// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_STARCODER2_HPP
#define AWQ_MODEL_ARCHITECTURES_STARCODER2_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void starcoder2_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 2;
    config.max_position_embeddings = 4096;
    config.norms = norm_kind::layer;
    config.norm_biases = true;
    config.hidden_act = "gelu_pytorch_tanh";
    config.attention_bias = config.mlp_bias = true;
    config.tie_word_embeddings = true;
}

inline status read_starcoder2(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "sliding_window", config.sliding_window));
    AWQ_CHECK(detail::read_field(root, "use_bias", config.attention_bias));
    config.mlp_bias = config.attention_bias;
    return {};
}

inline block_layout starcoder2_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x, {.up = "c_fc", .down = "c_proj", .is_gated = false}));
    return std::move(b).finish();
}

} // namespace awq

#endif
