// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_MINICPM3_HPP
#define AWQ_MODEL_ARCHITECTURES_MINICPM3_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

#include <cmath>
#include <cstddef>
#include <utility>

namespace awq {

inline void minicpm3_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 32768;
    config.tie_word_embeddings = true;
    config.latent = {768, 256, 64, 32, 64, false};
}

/// Embeddings, branches and logits have factors.
inline status read_minicpm3(const json::value& root, model_config& config)
{
    double embedding = 12.0, depth = 1.4, base = 256.0;
    AWQ_CHECK(read_latent(root, config));
    AWQ_CHECK(detail::read_field(root, "scale_emb", embedding));
    AWQ_CHECK(detail::read_field(root, "scale_depth", depth));
    AWQ_CHECK(detail::read_field(root, "dim_model_base", base));
    config.embedding_multiplier = embedding;
    config.residual_multiplier = depth / std::sqrt(static_cast<double>(config.num_hidden_layers));
    config.logit_multiplier = base / static_cast<double>(config.hidden_size);
    return {};
}

/// Latent attention and Llama's MLP.
inline block_layout minicpm3_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.latent_attention(x));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
