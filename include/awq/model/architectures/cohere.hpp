// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_COHERE_HPP
#define AWQ_MODEL_ARCHITECTURES_COHERE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_fields.hpp>

namespace awq {

inline void cohere_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 8192;
    config.norms = norm_kind::layer;
    config.logit_multiplier = 0.0625;
    config.rope.theta = 5e5;
    config.tie_word_embeddings = true;
}

inline status read_cohere(const json::value& root, model_config& config)
{
    AWQ_CHECK(detail::read_field(root, "use_qk_norm", config.qk_norm));
    return detail::read_field(root, "logit_scale", config.logit_multiplier);
}

/// Attention and MLP side by side behind one layer norm.
inline block_layout cohere_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    const value_id x = b.norm("input_layernorm", "attn_norm");
    const value_id mixed = b.attention(x, {.norm = config.qk_norm ? query_key_norm::per_head : query_key_norm::none,
                                           .norm_by_head = true,
                                           .pairs = true});
    const value_id made = b.mlp(x);
    b.add(mixed);
    b.add(made);
    return std::move(b).finish();
}

/// Cohere 2: only layers with a window have a rotary embedding.
inline void cohere2_defaults(model_config& config)
{
    cohere_defaults(config);
    config.head_dim = 128;
    config.rope.theta = 1e4;
    config.sliding_window = 4096;
    config.sliding_window_pattern = 4;
}

inline status read_cohere2(const json::value& root, model_config& config)
{
    for (std::size_t i = 0; i < config.num_hidden_layers; ++i) config.unturned_layers.push_back(!config.is_sliding(i));
    return detail::read_field(root, "logit_scale", config.logit_multiplier);
}

} // namespace awq

#endif
