// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_QWEN2_MOE_HPP
#define AWQ_MODEL_ARCHITECTURES_QWEN2_MOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/qwen2.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void qwen2_moe_defaults(model_config& config)
{
    qwen2_defaults(config);
    config.num_key_value_heads = 16;
    config.experts = {.count = 60, .per_token = 4, .width = 1408, .shared_width = 5632, .normalized = false};
}

inline status read_qwen2_moe(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "qkv_bias", config.qkv_bias));
    return read_experts(root, config);
}

/// Experts, and beside them a gated one that every token goes through.
inline block_layout qwen2_moe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    if (!config.experts.in(layer)) {
        b.add(b.mlp(x));
        return std::move(b).finish();
    }
    const value_id chosen = b.experts(x);
    const value_id shared = b.mlp(x, {.at = "mlp.shared_expert.",
                                      .output_gate = "mlp.shared_expert_gate",
                                      .width = config.experts.shared_width,
                                      .width_field = "shared_expert_intermediate_size",
                                      .gguf = "_shexp"});
    b.add(chosen);
    b.add(shared);
    return std::move(b).finish();
}

} // namespace awq

#endif
