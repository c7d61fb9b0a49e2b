// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_PHIMOE_HPP
#define AWQ_MODEL_ARCHITECTURES_PHIMOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void phimoe_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 8;
    config.max_position_embeddings = 131072;
    config.norms = norm_kind::layer;
    config.norm_biases = true;
    config.rope.theta = 1e6;
    config.experts = {.count = 16, .per_token = 2};
}

/// Its longrope has factors of its own: of short texts and of long ones.
inline status read_phimoe_rope(const json::value& root, rope_config& rope)
{
    if (rope.kind == rope_kind::plain) return {};
    if (rope.kind != rope_kind::longrope)
        return root.error(error_code::unsupported, "PhiMoE with another rope type than default and longrope");
    for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
        const auto given = root.find_non_null(key);
        if (!given) continue;
        AWQ_CHECK(detail::read_field(*given, "short_mscale", rope.short_mscale));
        AWQ_CHECK(detail::read_field(*given, "long_mscale", rope.long_mscale));
    }
    AWQ_CHECK(detail::read_field(root, "original_max_position_embeddings", rope.original_max_position_embeddings));
    if (rope.short_mscale && rope.long_mscale) return {};
    return root.error(error_code::missing_field, "the rope of PhiMoE needs short_mscale and long_mscale");
}

inline status read_phimoe(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_experts(root, config));
    AWQ_CHECK(detail::read_field(root, "router_jitter_noise", config.experts.jitter));
    config.experts.width = config.intermediate_size;
    AWQ_CHECK(detail::read_field(root, "lm_head_bias", config.head_bias));
    return read_phimoe_rope(root, config.rope);
}

/// Layer norms, and experts chosen one after the other.
inline block_layout phimoe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.experts(x, {.at = "block_sparse_moe.",
                        .gate = "w1",
                        .up = "w3",
                        .down = "w2",
                        .kind = router_kind::sparse_mixer,
                        .count_field = "num_local_experts"}));
    return std::move(b).finish();
}

} // namespace awq

#endif
