// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_CONFIG_READ_EXPERTS_HPP
#define AWQ_MODEL_CONFIG_READ_EXPERTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/config/read_fields.hpp>

#include <string_view>

namespace awq {

/// The fields of a mixture of experts, in the spellings of all families.
inline status read_experts(const json::value& root, model_config& config)
{
    using detail::read_field;
    experts_config& into = config.experts;
    for (const std::string_view key : {"num_experts", "num_local_experts", "n_routed_experts"})
        AWQ_CHECK(read_field(root, key, into.count));
    AWQ_CHECK(read_field(root, "num_experts_per_tok", into.per_token));
    AWQ_CHECK(read_field(root, "moe_intermediate_size", into.width));
    AWQ_CHECK(read_field(root, "shared_expert_intermediate_size", into.shared_width));
    std::size_t shared = 0;
    AWQ_CHECK(read_field(root, "n_shared_experts", shared));
    if (shared != 0) into.shared_width = shared * into.width;
    AWQ_CHECK(read_field(root, "first_k_dense_replace", into.first));
    AWQ_CHECK(read_field(root, "decoder_sparse_step", into.step));
    AWQ_CHECK(read_field(root, "mlp_only_layers", into.dense));
    AWQ_CHECK(read_field(root, "n_group", into.groups));
    AWQ_CHECK(read_field(root, "topk_group", into.chosen_groups));
    AWQ_CHECK(read_field(root, "norm_topk_prob", into.normalized));
    return read_field(root, "routed_scaling_factor", into.scaling);
}

/// The fields of multi-head latent attention. Null ranks of queries: they are not compressed.
inline status read_latent(const json::value& root, model_config& config)
{
    using detail::read_field;
    latent_config& into = config.latent;
    if (const auto rank = root.find("q_lora_rank"); rank && rank->is_null()) into.query_rank = 0;
    AWQ_CHECK(read_field(root, "q_lora_rank", into.query_rank));
    AWQ_CHECK(read_field(root, "kv_lora_rank", into.rank));
    AWQ_CHECK(read_field(root, "qk_nope_head_dim", into.plain));
    AWQ_CHECK(read_field(root, "qk_rope_head_dim", into.rotary));
    AWQ_CHECK(read_field(root, "v_head_dim", into.value));
    config.head_dim = into.rotary;
    config.attention_multiplier = 1.0 / std::sqrt(static_cast<double>(into.plain + into.rotary));
    return {};
}

} // namespace awq

#endif
