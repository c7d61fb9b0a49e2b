// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_EXAONE_MOE_HPP
#define AWQ_MODEL_ARCHITECTURES_EXAONE_MOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/exaone4.hpp>
#include <awq/model/architectures/shared_experts.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void exaone_moe_defaults(model_config& config)
{
    exaone4_defaults(config);
    config.num_key_value_heads = 32;
    config.experts = {.count = 64, .per_token = 8, .width = 1024, .shared_width = 1024, .first = 1, .scaling = 2.5};
}

inline status read_exaone_moe(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_exaone4(root, config));
    return read_experts(root, config);
}

/// EXAONE 4's attention behind a norm, and the experts of DeepSeek V3.
inline block_layout exaone_moe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = query_key_norm::per_head}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    const experts_options options{.router_bias = "e_score_correction_bias", .kind = router_kind::sigmoid};
    b.add(config.experts.in(layer) ? experts_and_shared(b, x, config, options) : b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
