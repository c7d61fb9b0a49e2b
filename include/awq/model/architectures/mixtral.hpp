// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_MIXTRAL_HPP
#define AWQ_MODEL_ARCHITECTURES_MIXTRAL_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/mistral.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void mixtral_defaults(model_config& config)
{
    mistral_defaults(config);
    config.rms_norm_eps = 1e-5;
    config.sliding_window = 0;
    config.rope.theta = 1e6;
    config.experts = {.count = 8, .per_token = 2};
}

inline status read_mixtral(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_experts(root, config));
    config.experts.width = config.intermediate_size;
    config.experts.normalized = true;
    return {};
}

inline block_layout mixtral_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.experts(
        x, {.at = "block_sparse_moe.", .gate = "w1", .up = "w3", .down = "w2", .count_field = "num_local_experts"}));
    return std::move(b).finish();
}

} // namespace awq

#endif
