// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_OLMO2_HPP
#define AWQ_MODEL_ARCHITECTURES_OLMO2_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>

namespace awq {

inline void olmo2_defaults(model_config& config) { config.rms_norm_eps = 1e-5; }

/// Norms behind attention and MLP only; that of queries and keys is over all heads.
inline block_layout olmo2_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.attention(b.hidden(), {.norm = query_key_norm::whole});
    b.add(b.norm("post_attention_layernorm", "post_attention_norm", x));
    x = b.mlp(b.hidden());
    b.add(b.norm("post_feedforward_layernorm", "post_ffw_norm", x));
    return std::move(b).finish();
}

/// OLMo 3: three layers of four have a window.
inline void olmo3_defaults(model_config& config)
{
    olmo2_defaults(config);
    config.sliding_window = 4096;
    config.sliding_window_pattern = 4;
    config.rope.theta = 5e5;
}

} // namespace awq

#endif
