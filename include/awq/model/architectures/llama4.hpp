// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_LLAMA4_HPP
#define AWQ_MODEL_ARCHITECTURES_LLAMA4_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/shared_experts.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void llama4_defaults(model_config& config)
{
    config.rms_norm_eps = 1e-5;
    config.num_key_value_heads = 8;
    config.head_dim = 128;
    config.max_position_embeddings = 131072;
    config.rope.theta = 5e5;
    config.qk_norm = true;
    config.attention_chunk = 8192;
    config.growth = {.slope = 0.1, .length = 8192, .shift = 1};
    config.unturned_growth = true;
    config.experts = {.count = 16, .per_token = 1, .width = 8192};
}

/// Layers without a rotary embedding see all tokens, the others their own chunk.
inline status read_llama4_attention(const json::value& root, model_config& config)
{
    using detail::read_field;
    std::size_t interval = 4;
    AWQ_CHECK(read_field(root, "no_rope_layer_interval", interval));
    std::vector<std::size_t> turned;
    AWQ_CHECK(read_field(root, "no_rope_layers", turned));
    for (std::size_t i = 0; i < config.num_hidden_layers; ++i)
        config.unturned_layers.push_back(i < turned.size() ? turned[i] == 0 : interval != 0 && (i + 1) % interval == 0);
    if (config.sliding_layers.empty())
        for (std::size_t i = 0; i < config.num_hidden_layers; ++i) config.sliding_layers.push_back(config.turns(i));
    if (const auto chunk = root.find("attention_chunk_size"); chunk && chunk->is_null()) config.attention_chunk = 0;
    AWQ_CHECK(read_field(root, "attention_chunk_size", config.attention_chunk));
    bool grows = true;
    AWQ_CHECK(read_field(root, "attn_temperature_tuning", grows));
    AWQ_CHECK(read_field(root, "floor_scale", config.growth.length));
    AWQ_CHECK(read_field(root, "attn_scale", config.growth.slope));
    if (!grows) config.growth.length = 0;
    return read_field(root, "use_qk_norm", config.qk_norm);
}

inline status read_llama4(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_llama4_attention(root, config));
    AWQ_CHECK(read_experts(root, config));
    AWQ_CHECK(detail::read_field(root, "intermediate_size", config.experts.width));
    AWQ_CHECK(detail::read_field(root, "interleave_moe_layer_step", config.experts.step));
    config.experts.shared_width = config.experts.width;
    config.experts.normalized = false;
    std::vector<std::size_t> chosen;
    AWQ_CHECK(detail::read_field(root, "moe_layers", chosen));
    if (!root.find_non_null("moe_layers")) return {};
    config.experts.step = 1;
    for (std::size_t i = 0; i < config.num_hidden_layers; ++i)
        if (std::ranges::find(chosen, i) == chosen.end()) config.experts.dense.push_back(i);
    return {};
}

/// Heads of layers that turn are normed without weights, after the rotation; what an expert is given
/// is multiplied by its weight.
inline block_layout llama4_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    const bool has_norm = config.qk_norm && config.turns(layer);
    b.add(b.attention(x, {.norm = has_norm ? query_key_norm::after_rotary : query_key_norm::none,
                          .pairs = true,
                          .weighted_norm = false}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    const experts_options options{.at = "feed_forward.",
                                  .router = "router",
                                  .kind = router_kind::sigmoid_chosen,
                                  .count_field = "num_local_experts",
                                  .weighs_input = true,
                                  .order = stack_order::in_out};
    b.add(config.experts.in(layer) ? experts_and_shared(b, x, config, options, "shared_expert.")
                                   : b.mlp(x, {.at = "feed_forward."}));
    return std::move(b).finish();
}

} // namespace awq

#endif
