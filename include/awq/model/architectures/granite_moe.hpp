// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_GRANITE_MOE_HPP
#define AWQ_MODEL_ARCHITECTURES_GRANITE_MOE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/granite.hpp>
#include <awq/model/block/block_builder.hpp>
#include <awq/model/config/read_experts.hpp>

namespace awq {

inline void granite_moe_defaults(model_config& config)
{
    granite_defaults(config);
    config.experts = {.count = 8, .per_token = 2};
}

inline status read_granite_moe(const json::value& root, model_config& config)
{
    AWQ_CHECK(read_granite(root, config));
    AWQ_CHECK(read_experts(root, config));
    config.experts.width = config.intermediate_size;
    return {};
}

/// Granite with experts, which checkpoints stack.
inline block_layout granite_moe_block(const model_config& config, std::size_t layer)
{
    block_builder b{config, layer};
    value_id x = b.norm("input_layernorm", "attn_norm");
    b.add(b.attention(x));
    x = b.norm("post_attention_layernorm", "ffn_norm");
    b.add(b.experts(x, {.at = "block_sparse_moe.",
                        .router = "router.layer",
                        .kind = router_kind::softmax_chosen,
                        .count_field = "num_local_experts",
                        .stacked = "input_linear.weight",
                        .stacked_down = "output_linear.weight",
                        .order = stack_order::out_in}));
    return std::move(b).finish();
}

} // namespace awq

#endif
