// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GEMMA2_HPP
#define AWQ_MODEL_ARCHITECTURES_GEMMA2_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/gemma.hpp>
#include <awq/model/block/block_builder.hpp>

namespace awq {

inline void gemma2_defaults(model_config& config)
{
    gemma_defaults(config);
    config.num_key_value_heads = 4;
    config.sliding_window = 4096;
    config.sliding_window_pattern = 2;
    config.query_pre_attn_scalar = 256.0;
    config.attention_cap = 50.0;
    config.logit_cap = 30.0;
}

/// Norms before and behind attention and MLP.
inline block_layout gemma2_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    x = b.attention(x);
    b.add(b.norm("post_attention_layernorm", "post_attention_norm", x));
    x = b.norm("pre_feedforward_layernorm", "ffn_norm");
    x = b.mlp(x);
    b.add(b.norm("post_feedforward_layernorm", "post_ffw_norm", x));
    return std::move(b).finish();
}

} // namespace awq

#endif
