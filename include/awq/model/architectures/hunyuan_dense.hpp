// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_HUNYUAN_DENSE_HPP
#define AWQ_MODEL_ARCHITECTURES_HUNYUAN_DENSE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void hunyuan_dense_defaults(model_config& config) { config.rms_norm_eps = 1e-5; }

/// The base grows by a fixed `alpha` where the rope is dynamic.
inline status read_hunyuan_dense(const json::value& root, model_config& config)
{
    double alpha = 0.0;
    for (const std::string_view key : {"rope_scaling", "rope_parameters"})
        if (const auto rope = root.find_non_null(key)) AWQ_CHECK(detail::read_field(*rope, "alpha", alpha));
    const auto size = static_cast<double>(config.head_size());
    if (config.rope.kind != rope_kind::dynamic || alpha <= 0.0 || size <= 2.0) return {};
    config.rope.kind = rope_kind::plain;
    config.rope.theta *= std::pow(alpha, size / (size - 2.0));
    return {};
}

/// Llama's block with norms of queries and keys behind the rotation.
inline block_layout hunyuan_dense_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(
        b.attention(x, {.norm = query_key_norm::after_rotary, .q_norm = "query_layernorm", .k_norm = "key_layernorm"}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
