// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_OLMOE_HPP
#define AWQ_MODEL_ARCHITECTURES_OLMOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void olmoe_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 4096;
    config.experts = {.count = 64, .per_token = 8, .normalized = false};
}

inline status read_olmoe(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_experts(root, config));
    config.experts.width = config.intermediate_size;
    if (root.find_non_null("clip_qkv")) return root.error(error_code::unsupported, "clip_qkv is not supported");
    return {};
}

/// Experts in every block; the norm of queries and keys is over all heads.
inline block_layout olmoe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.norm = query_key_norm::whole}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.experts(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
