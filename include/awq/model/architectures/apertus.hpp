// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_APERTUS_HPP
#define AWQ_MODEL_ARCHITECTURES_APERTUS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>

#include <cstddef>
#include <utility>

namespace awq {

inline void apertus_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 65536;
    config.hidden_act = "xielu";
    config.qk_norm = true;
    config.rope.kind = rope_kind::llama3;
    config.rope.theta = 1.2e7;
    config.rope.factor = 8.0;
    config.rope.original_max_position_embeddings = 8192;
}

/// A plain MLP whose activation has learned parameters.
inline block_layout apertus_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("attention_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = query_key_norm::per_head}));
    x = b.norm("feedforward_layernorm", "ffn_norm");
    b.add(b.mlp(x, {.is_gated = false, .act_params = "act_fn."}));
    return std::move(b).finish();
}

} // namespace awq

#endif
