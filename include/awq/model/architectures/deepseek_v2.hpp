// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_DEEPSEEK_V2_HPP
#define AWQ_MODEL_ARCHITECTURES_DEEPSEEK_V2_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/deepseek_v3.hpp>
#include <awq/model/architectures/shared_experts.hpp>

namespace awq {

inline void deepseek_v2_defaults(model_config& config)
{
    deepseek_v3_defaults(config);
    config.max_position_embeddings = 2048;
    config.experts = {.count = 64, .per_token = 6, .width = 1407, .shared_width = 2814, .normalized = false};
}

/// Weights are never made to add up to 1; without "group_limited_greedy" groups are not looked at.
inline status read_deepseek_v2(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_deepseek_v3(root, config));
    std::string method = "greedy";
    AWQ_CHECK(detail::read_field(root, "topk_method", method));
    if (method != "greedy" && method != "group_limited_greedy")
        return root.error(error_code::unsupported, "topk_method \"", printable(method), "\" is not supported");
    config.experts.normalized = false;
    if (method == "greedy") config.experts.groups = 1;
    return {};
}

/// Latent attention before experts chosen by their softmax; a group counts by its best expert.
inline block_layout deepseek_v2_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    b.add(b.latent_attention(b.norm("input_layernorm", "attn_norm")));
    const value_id x = b.norm("post_attention_layernorm", "ffn_norm");
    const experts_options options{.count_field = "n_routed_experts", .group_best = 1};
    b.add(config.experts.in(layer) ? experts_and_shared(b, x, config, options) : b.mlp(x));
    return std::move(b).finish();
}

/// GLM 4.7 Flash: DeepSeek V3's block.
inline void glm4_moe_lite_defaults(model_config& config)
{
    deepseek_v3_defaults(config);
    config.rms_norm_eps = 1e-5;
    config.max_position_embeddings = 202752;
    config.latent = {.query_rank = 768, .rank = 512, .plain = 192, .rotary = 64, .value = 256};
    config.experts = {.count = 64, .per_token = 4, .width = 1536, .shared_width = 1536, .first = 1, .scaling = 1.8};
}

/// Mistral 4: queries grow with their position.
inline void mistral4_defaults(model_config& config)
{
    config.max_position_embeddings = 1048576;
    config.latent = {.query_rank = 1024, .rank = 256, .plain = 64, .rotary = 64, .value = 128};
    config.experts = {.count = 128, .per_token = 4, .width = 2048, .shared_width = 2048};
    config.rope = {.kind = rope_kind::yarn,
                   .factor = 128.0,
                   .original_max_position_embeddings = 8192,
                   .mscale = 1.0,
                   .mscale_all_dim = 1.0};
    config.growth = {.slope = 0.1, .length = 8192};
}

inline status read_mistral4(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_deepseek_v3(root, config));
    if (const auto rope = root.find_non_null("rope_parameters")) {
        config.growth.slope = 0.0;
        AWQ_CHECK(detail::read_field(*rope, "llama_4_scaling_beta", config.growth.slope));
        config.growth.length = config.rope.original_max_position_embeddings;
    }
    return {};
}

/// Its experts are stacked.
inline block_layout mistral4_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    b.add(b.latent_attention(b.norm("input_layernorm", "attn_norm")));
    const value_id x = b.norm("post_attention_layernorm", "ffn_norm");
    const experts_options options{.count_field = "n_routed_experts", .order = stack_order::out_in};
    b.add(config.experts.in(layer) ? experts_and_shared(b, x, config, options) : b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
