// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GPT_OSS_HPP
#define AWQ_MODEL_ARCHITECTURES_GPT_OSS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void gpt_oss_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 8;
    config.head_dim = 64;
    config.max_position_embeddings = 131072;
    config.attention_bias = true;
    config.sliding_window = 128;
    config.sliding_window_pattern = 2;
    config.experts = {.count = 128, .per_token = 4};
    config.rope = {.kind = rope_kind::yarn,
                   .theta = 150000.0,
                   .factor = 32.0,
                   .original_max_position_embeddings = 4096,
                   .truncate = false};
}

inline status read_gpt_oss(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_experts(root, config));
    config.experts.width = config.intermediate_size;
    config.experts.normalized = true;
    return {};
}

/// Biases everywhere, a sink in every head's softmax, and experts whose up enters as up + 1, clamped:
/// they have no exact mapping from up to down.
inline block_layout gpt_oss_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.sinks = "sinks"}));
    x = b.norm("post_attention_layernorm", "post_attention_norm");
    b.add(b.experts(x, {.router = "router",
                        .kind = router_kind::softmax_chosen,
                        .count_field = "num_local_experts",
                        .bias = true,
                        .act = activation::clamped_swiglu,
                        .order = stack_order::in_out,
                        .in_turns = true}));
    return std::move(b).finish();
}

} // namespace awq

#endif
