// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_EXAONE4_HPP
#define AWQ_MODEL_ARCHITECTURES_EXAONE4_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void exaone4_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.sliding_window = 4096;
    config.sliding_window_pattern = 4;
}

/// Where there are windows, the layers without one have no rotary embedding.
inline status read_exaone4(const json::value&, model_config& config)
{
    for (std::size_t i = 0; config.sliding_window != 0 && i < config.num_hidden_layers; ++i)
        config.unturned_layers.push_back(!config.is_sliding(i));
    return {};
}

/// Norms behind attention and MLP only, and of each head's query and key.
inline block_layout exaone4_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.attention(b.hidden(), {.norm = query_key_norm::per_head});
    b.add(b.norm("post_attention_layernorm", "post_attention_norm", x));
    x = b.mlp(b.hidden());
    b.add(b.norm("post_feedforward_layernorm", "post_ffw_norm", x));
    return std::move(b).finish();
}

} // namespace awq

#endif
