// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_ERNIE4_5_MOE_HPP
#define AWQ_MODEL_ARCHITECTURES_ERNIE4_5_MOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/helium.hpp>
#include <awq/model/architectures/shared_experts.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void ernie4_5_moe_defaults(model_config& config)
{
    ernie4_5_defaults(config);
    config.num_key_value_heads = 4;
    config.head_dim = 0;
    config.experts = {.count = 64, .per_token = 6, .width = 1536, .first = 1};
}

inline status read_ernie4_5_moe(const json::value& root, model_config& config)
{
    using detail::read_field;
    AWQ_CHECK(read_ernie4_5(root, config));
    config.experts.shared_width = 2 * config.experts.width; // where nothing is said
    AWQ_CHECK(read_experts(root, config));
    AWQ_CHECK(read_field(root, "moe_layer_start_index", config.experts.first));
    AWQ_CHECK(read_field(root, "moe_layer_interval", config.experts.step));
    const auto end = root.find_non_null("moe_layer_end_index");
    const auto last = end ? end->as_number() : result<double>{-1.0};
    if (!last) return last.error();
    for (std::size_t i = 0; *last >= 0.0 && i < config.num_hidden_layers; ++i)
        if (static_cast<double>(i) > *last) config.experts.dense.push_back(i);
    return {};
}

/// Neighbouring dimensions turn together; a bias helps to choose experts by their softmax.
inline block_layout ernie4_5_moe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x, {.pairs = true}));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    const experts_options options{.router_bias = "moe_statics.e_score_correction_bias",
                                  .count_field = "moe_num_experts"};
    b.add(config.experts.in(layer) ? experts_and_shared(b, x, config, options) : b.mlp(x));
    return std::move(b).finish();
}

} // namespace awq

#endif
