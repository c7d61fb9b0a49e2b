// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_PHI_HPP
#define AWQ_MODEL_ARCHITECTURES_PHI_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

#include <cstddef>
#include <utility>

namespace awq {

/// Phi 1 to 2.
inline void phi_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.norms = norm_kind::layer;
    config.norm_biases = config.head_bias = true;
    config.hidden_act = "gelu_new";
    config.attention_bias = config.mlp_bias = true;
    config.rope.partial_rotary_factor = 0.5;
    config.names.norm = "model.final_layernorm";
}

inline status read_phi(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "qk_layernorm", config.qk_norm));
    if (!config.qk_norm) return {};
    return root.error(error_code::unsupported, "qk_layernorm is not supported");
}

/// Attention and a plain MLP side by side behind one layer norm.
inline block_layout phi_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    const value_id x = b.norm("input_layernorm", "attn_norm");
    const value_id mixed = b.attention(x, {.o = "dense"});
    const value_id made = b.mlp(x, {.up = "fc1", .down = "fc2", .is_gated = false});
    b.add(mixed);
    b.add(made);
    return std::move(b).finish();
}

} // namespace awq

#endif
