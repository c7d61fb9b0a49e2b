// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_MINIMAX_M2_HPP
#define AWQ_MODEL_ARCHITECTURES_MINIMAX_M2_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void minimax_m2_defaults(model_config& config)
{
    config.num_key_value_heads = 8;
    config.head_dim = 128;
    config.max_position_embeddings = 196608;
    config.rope.theta = 5e6;
    config.experts = {.count = 256, .per_token = 8};
}

/// `rotary_dim` is how published files say which share of a head turns.
inline status read_minimax_m2(const json::value& root, model_config& config)
{
    std::size_t turned = 0;
    AWQ_CHECK(detail::read_field(root, "rotary_dim", turned));
    if (turned != 0)
        config.rope.partial_rotary_factor = static_cast<double>(turned) / static_cast<double>(config.head_size());
    AWQ_CHECK(read_experts(root, config));
    config.experts.width = config.intermediate_size;
    config.experts.normalized = true;
    return {};
}

/// Experts in every block, chosen by sigmoids and a bias; queries and keys are normed over all heads.
inline block_layout minimax_m2_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = query_key_norm::whole}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.experts(x, {.at = "block_sparse_moe.",
                        .gate = "w1",
                        .up = "w3",
                        .down = "w2",
                        .router_bias = "e_score_correction_bias",
                        .kind = router_kind::sigmoid,
                        .count_field = "num_local_experts"}));
    return std::move(b).finish();
}

} // namespace awq

#endif
