// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GLM4_MOE_HPP
#define AWQ_MODEL_ARCHITECTURES_GLM4_MOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/deepseek_v3.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void glm4_moe_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 8;
    config.max_position_embeddings = 131072;
    config.rope.partial_rotary_factor = 0.5;
    config.experts = {.count = 128, .per_token = 8, .width = 1408, .shared_width = 1408, .first = 1};
}

/// dots.llm1.
inline void dots1_defaults(model_config& config)
{
    config.sliding_window = 4096;
    config.max_window_layers = 62;
    config.qk_norm = true;
    config.experts = {.width = 1408, .normalized = false};
}

/// Solar Open.
inline void solar_open_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 8;
    config.head_dim = 128;
    config.max_position_embeddings = 131072;
    config.rope.theta = 1e6;
    config.experts = {.count = 128, .per_token = 8, .width = 1280, .shared_width = 1280};
}

inline status read_glm4_moe(const json::value& root, model_config& config)
{
    config.qkv_bias = std::exchange(config.attention_bias, false);
    AWQ_CHECK(detail::read_field(root, "use_qk_norm", config.qk_norm));
    return read_experts(root, config);
}

/// It has experts in every block, whatever other fields say.
inline status read_solar_open(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_glm4_moe(root, config));
    config.experts.first = 0;
    return {};
}

/// GLM 4.5 to 4.7, dots.llm1 and Solar Open: the experts of DeepSeek V3 behind plain attention.
inline block_layout glm4_moe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = config.qk_norm ? query_key_norm::per_head : query_key_norm::none}));
    x = b.norm("post_attention_layernorm", "post_attention_norm");
    add_deepseek_experts(b, x, config, layer);
    return std::move(b).finish();
}

} // namespace awq

#endif
