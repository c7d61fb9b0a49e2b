// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GPTJ_HPP
#define AWQ_MODEL_ARCHITECTURES_GPTJ_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

#include <cstddef>
#include <utility>

namespace awq {

inline void gptj_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.intermediate_size = 0;
    config.norms = norm_kind::layer;
    config.norm_biases = config.head_bias = true;
    config.hidden_act = "gelu_new";
    config.mlp_bias = true;
    config.names = {"transformer.h.", "transformer.wte", "", "transformer.ln_f", "lm_head"};
}

/// `rotary_dim`: how many of a head's dimensions turn; null: all.
inline status read_gptj(const json::value& root, model_config& config)
{
    config.num_key_value_heads = 0; // as many as query heads
    const auto given = root.find("rotary_dim");
    std::size_t turned = given && given->is_null() ? config.head_size() : 64;
    AWQ_CHECK(detail::read_field(root, "rotary_dim", turned));
    config.rope.partial_rotary_factor = static_cast<double>(turned) / static_cast<double>(config.head_size());
    return {};
}

/// Attention and MLP side by side behind one layer norm; neighbouring dimensions turn together.
inline block_layout gptj_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    const value_id x = b.norm("ln_1", "attn_norm");
    const value_id mixed = b.attention(x, {.at = "attn.", .o = "out_proj", .pairs = true});
    const value_id made = b.mlp(x, {.up = "fc_in", .down = "fc_out", .width_field = "n_inner", .is_gated = false});
    b.add(mixed);
    b.add(made);
    return std::move(b).finish();
}

} // namespace awq

#endif
