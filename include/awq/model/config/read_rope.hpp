// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_CONFIG_READ_ROPE_HPP
#define AWQ_MODEL_CONFIG_READ_ROPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/config/read_fields.hpp>

#include <string>
#include <string_view>

namespace awq {

namespace detail {

/// `rope_scaling` (transformers 4) and `rope_parameters` (transformers 5) hold the same keys.
inline status read_rope_fields(const json::value& rope, rope_config& into)
{
    std::string kind;
    AWQ_CHECK(read_field(rope, "type", kind)); // the old spelling of rope_type
    AWQ_CHECK(read_field(rope, "rope_type", kind));
    if (kind == "su") kind = "longrope"; // as Phi 3 was first published
    if (!kind.empty()) {
        const auto known = rope_kind_of(kind);
        if (!known)
            return rope.error(error_code::unsupported, "rope type \"", kind,
                              "\" is not supported; known: default, linear, dynamic, llama3, yarn, "
                              "longrope");
        into.kind = *known;
    }
    AWQ_CHECK(read_field(rope, "rope_theta", into.theta));
    AWQ_CHECK(read_field(rope, "factor", into.factor));
    AWQ_CHECK(read_field(rope, "low_freq_factor", into.low_freq_factor));
    AWQ_CHECK(read_field(rope, "high_freq_factor", into.high_freq_factor));
    AWQ_CHECK(read_field(rope, "original_max_position_embeddings", into.original_max_position_embeddings));
    AWQ_CHECK(read_field(rope, "beta_fast", into.beta_fast));
    AWQ_CHECK(read_field(rope, "beta_slow", into.beta_slow));
    into.truncate = true; // whatever the type's own default has
    AWQ_CHECK(read_field(rope, "truncate", into.truncate));
    AWQ_CHECK(read_field(rope, "attention_factor", into.attention_factor));
    AWQ_CHECK(read_field(rope, "short_factor", into.frequency_divisors));
    AWQ_CHECK(read_field(rope, "long_factor", into.long_divisors));
    into.sections.clear();
    AWQ_CHECK(read_field(rope, "mrope_section", into.sections));
    AWQ_CHECK(read_field(rope, "mscale", into.mscale));
    AWQ_CHECK(read_field(rope, "mscale_all_dim", into.mscale_all_dim));
    return read_field(rope, "partial_rotary_factor", into.partial_rotary_factor);
}

/// Where layers differ, `rope_parameters` holds one object for each kind of layer (transformers 5),
/// or `rope_local_base_freq` stands beside a `rope_theta` that sliding layers do not use.
inline status read_rope(const json::value& root, model_config& into)
{
    AWQ_CHECK(read_field(root, "rope_theta", into.rope.theta));
    AWQ_CHECK(read_field(root, "rotary_emb_base", into.rope.theta));
    for (const std::string_view key : {"rotary_pct", "partial_rotary_factor"})
        AWQ_CHECK(read_field(root, key, into.rope.partial_rotary_factor));
    rope_config local = into.local_rope.value_or(rope_config{});
    if (root.find_non_null("rope_local_base_freq")) {
        AWQ_CHECK(read_field(root, "rope_local_base_freq", local.theta));
        into.local_rope = local;
    }
    for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
        const auto rope = root.find_non_null(key);
        if (!rope) continue;
        AWQ_CHECK(rope->as_object());
        const auto full = rope->find_non_null("full_attention");
        const auto sliding = rope->find_non_null("sliding_attention");
        if (full || !sliding) AWQ_CHECK(read_rope_fields(full ? *full : *rope, into.rope));
        if (!sliding) continue;
        AWQ_CHECK(read_rope_fields(*sliding, local));
        into.local_rope = local;
    }
    return {};
}

} // namespace detail

} // namespace awq

#endif
