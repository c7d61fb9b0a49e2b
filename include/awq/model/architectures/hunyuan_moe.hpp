// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_HUNYUAN_MOE_HPP
#define AWQ_MODEL_ARCHITECTURES_HUNYUAN_MOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/hunyuan_dense.hpp>
#include <awq/model/architectures/shared_experts.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void hunyuan_moe_defaults(model_config& config)
{
    hunyuan_dense_defaults(config);
    config.experts = {.count = 1, .per_token = 1};
}

inline status read_hunyuan_moe(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_hunyuan_dense(root, config));
    for (const std::string_view key : {"num_experts", "moe_topk", "moe_intermediate_size"})
        if (const auto field = root.find_non_null(key); field && !field->is_number())
            return field->error(error_code::unsupported, "a list is not supported, only one number for all layers");
    AWQ_CHECK(read_experts(root, config));
    config.experts.width = config.experts.shared_width = config.intermediate_size;
    config.experts.normalized = true;
    return {};
}

/// HunYuan with experts beside an MLP that every token goes through.
inline block_layout hunyuan_moe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(
        b.attention(x, {.norm = query_key_norm::after_rotary, .q_norm = "query_layernorm", .k_norm = "key_layernorm"}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(experts_and_shared(b, x, config, {.router = "gate.wg"}, "shared_mlp."));
    return std::move(b).finish();
}

/// Hunyuan 3: norms before the rotation, experts chosen by sigmoids and a bias.
inline void hy_v3_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 8;
    config.head_dim = 128;
    config.max_position_embeddings = 131072;
    config.rope.theta = 11158840.0;
    config.experts = {.count = 192, .per_token = 8, .width = 1536, .shared_width = 1536, .first = 1, .scaling = 2.826};
}

inline block_layout hy_v3_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = query_key_norm::per_head}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    const experts_options options{.router = "router.gate", .router_bias = "expert_bias", .kind = router_kind::sigmoid};
    b.add(config.experts.in(layer) ? experts_and_shared(b, x, config, options, "shared_mlp.") : b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
