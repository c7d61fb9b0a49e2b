// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_DEEPSEEK_V3_HPP
#define AWQ_MODEL_ARCHITECTURES_DEEPSEEK_V3_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/shared_experts.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void deepseek_v3_defaults(model_config& config)
{
    config.max_position_embeddings = 4096;
    config.head_dim = 64; // what the rotary embedding turns
    config.latent = {.query_rank = 1536, .rank = 512, .plain = 128, .rotary = 64, .value = 128};
    config.experts = {.count = 256,
                      .per_token = 8,
                      .width = 2048,
                      .shared_width = 2048,
                      .first = 3,
                      .groups = 8,
                      .chosen_groups = 4,
                      .scaling = 2.5};
}

inline status read_deepseek_v3(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_latent(root, config));
    return read_experts(root, config);
}

/// Experts chosen by groups beside a shared one, behind some dense blocks; also those of GLM 4.5.
inline void add_deepseek_experts(block_builder& b, value_id x, const model_config& config, std::size_t layer)
{
    if (!config.experts.in(layer)) return b.add(b.mlp(x));
    b.add(experts_and_shared(b, x, config,
                             {.router_bias = "gate.e_score_correction_bias",
                              .kind = router_kind::sigmoid,
                              .count_field = "n_routed_experts"}));
}

inline block_layout deepseek_v3_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    b.add(b.latent_attention(b.norm("input_layernorm", "attn_norm")));
    const value_id x = b.norm("post_attention_layernorm", "ffn_norm");
    add_deepseek_experts(b, x, config, layer);
    return std::move(b).finish();
}

} // namespace awq

#endif
