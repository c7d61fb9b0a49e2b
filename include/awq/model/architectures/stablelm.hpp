// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_STABLELM_HPP
#define AWQ_MODEL_ARCHITECTURES_STABLELM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void stablelm_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 4096;
    config.norms = norm_kind::layer;
    config.norm_biases = true;
    config.rope.partial_rotary_factor = 0.25;
}

inline status read_stablelm(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "use_qkv_bias", config.qkv_bias));
    AWQ_CHECK(detail::read_field(root, "use_parallel_residual", config.parallel_residual));
    return detail::read_field(root, "qk_layernorm", config.qk_norm);
}

/// Llama's block with layer norms; in the larger models attention and MLP stand side by side.
inline block_layout stablelm_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    const value_id mixed = b.attention(x, {.norm = config.qk_norm ? query_key_norm::per_head : query_key_norm::none,
                                           .q_norm = "q_layernorm",
                                           .k_norm = "k_layernorm",
                                           .norm_apart = true});
    if (config.parallel_residual) {
        const value_id other = b.mlp(x);
        b.add(mixed);
        b.add(other);
        return std::move(b).finish();
    }
    b.add(mixed);
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
