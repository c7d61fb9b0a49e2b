// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GRANITE_HPP
#define AWQ_MODEL_ARCHITECTURES_GRANITE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/llama.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void granite_defaults(model_config& config) { config.attention_multiplier = 1.0; }

/// A Llama whose embeddings, branches, scores and logits have factors.
inline status read_granite(const json::value& root, model_config& config)
{
    double scaling = 1.0;
    AWQ_CHECK(detail::read_field(root, "embedding_multiplier", config.embedding_multiplier));
    AWQ_CHECK(detail::read_field(root, "residual_multiplier", config.residual_multiplier));
    AWQ_CHECK(detail::read_field(root, "attention_multiplier", config.attention_multiplier));
    AWQ_CHECK(detail::read_field(root, "logits_scaling", scaling));
    config.logit_multiplier = 1.0 / scaling;
    return {};
}

/// Granite 4, the dense models: its hybrids' class, with attention in every layer and one MLP. Experts
/// and Mamba layers are refused.
inline status read_granite4(const json::value& root, model_config& config)
{
    std::size_t experts = 8;
    std::string positions;
    AWQ_CHECK(read_granite(root, config));
    AWQ_CHECK(detail::read_field(root, "num_local_experts", experts));
    AWQ_CHECK(detail::read_field(root, "position_embedding_type", positions));
    if (positions != "rope") config.unturned_layers.assign(config.num_hidden_layers, true);
    const bool is_dense = experts == 0 && config.sliding_layers.size() == config.num_hidden_layers;
    if (is_dense) return {};
    return root.error(error_code::unsupported, "only dense models of this class are supported: "
                                               "num_local_experts 0, and layer_types all attention");
}

inline block_layout granite4_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x, {.at = "shared_mlp.",
                    .down = "output_linear",
                    .fused = "input_linear",
                    .width_field = "shared_intermediate_size"}));
    return std::move(b).finish();
}

} // namespace awq

#endif
