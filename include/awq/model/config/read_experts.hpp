// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_CONFIG_READ_EXPERTS_HPP
#define AWQ_MODEL_CONFIG_READ_EXPERTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/config/read_fields.hpp>
#include <awq/support/printable.hpp>

#include <cmath>
#include <optional>
#include <string_view>

namespace awq {

namespace detail {

/// `mlp_layer_types`, one for each block.
inline status read_mlp_layer_types(const json::value& root, experts_config& into)
{
    const auto field = root.find_non_null("mlp_layer_types");
    if (!field) return {};
    AWQ_TRY(const auto entries, field->as_array());
    into.first = 0;
    std::size_t layer = 0;
    for (const json::value& entry : entries) {
        AWQ_TRY(const std::string_view name, entry.as_string());
        if (name != "dense" && name != "sparse")
            return entry.error(error_code::unsupported, "\"", printable(name),
                               "\" is not supported, only dense and sparse");
        if (name == "dense") into.dense.push_back(layer);
        ++layer;
    }
    return {};
}

} // namespace detail

/// The fields of a mixture of experts, in the spellings of all families.
inline status read_experts(const json::value& root, model_config& config)
{
    using detail::read_field;
    experts_config& into = config.experts;
    for (const std::string_view key : {"num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"})
        AWQ_CHECK(read_field(root, key, into.count));
    for (const std::string_view key : {"num_experts_per_tok", "moe_k", "moe_topk"})
        AWQ_CHECK(read_field(root, key, into.per_token));
    AWQ_CHECK(read_field(root, "moe_intermediate_size", into.width));
    AWQ_CHECK(read_field(root, "shared_expert_intermediate_size", into.shared_width));
    std::optional<std::size_t> shared;
    for (const std::string_view key : {"n_shared_experts", "num_shared_experts", "moe_num_shared_experts"})
        AWQ_CHECK(read_field(root, key, shared));
    if (shared) into.shared_width = *shared * into.width;
    for (const std::string_view key : {"first_k_dense_replace", "num_dense_layers"})
        AWQ_CHECK(read_field(root, key, into.first));
    AWQ_CHECK(detail::read_mlp_layer_types(root, into));
    AWQ_CHECK(read_field(root, "decoder_sparse_step", into.step));
    AWQ_CHECK(read_field(root, "mlp_only_layers", into.dense));
    AWQ_CHECK(read_field(root, "n_group", into.groups));
    AWQ_CHECK(read_field(root, "topk_group", into.chosen_groups));
    AWQ_CHECK(read_field(root, "norm_topk_prob", into.normalized));
    for (const std::string_view key : {"route_scale", "router_scaling_factor"})
        AWQ_CHECK(read_field(root, key, into.scaling));
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
    AWQ_CHECK(read_field(root, "rope_interleave", into.pairs));
    config.head_dim = into.rotary;
    config.rope.partial_rotary_factor = 1.0; // of a whole head, of which only `rotary` is looked at
    config.attention_multiplier = 1.0 / std::sqrt(static_cast<double>(into.plain + into.rotary));
    const double all = config.rope.mscale_all_dim.value_or(0.0);
    if (config.rope.kind == rope_kind::plain || all == 0.0 || config.rope.factor <= 1.0) return {};
    const double sharper = 0.1 * all * std::log(config.rope.factor) + 1.0;
    config.attention_multiplier *= sharper * sharper;
    return {};
}

} // namespace awq

#endif
