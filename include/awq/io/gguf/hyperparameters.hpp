// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_HYPERPARAMETERS_HPP
#define AWQ_IO_GGUF_HYPERPARAMETERS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/key_values.hpp>
#include <awq/io/gguf/read_key.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq::gguf {

/// What llama.cpp wants to know about a model's shape and arithmetic, one field for each key. A
/// field that is not set is not written. Which ones an architecture needs stands in section
/// "general" of llama.cpp's loaders; the first eight of them are needed by nearly all.
struct hyperparameters {
    std::string architecture; ///< "llama"; goes before every key

    std::optional<std::uint32_t> block_count;
    std::optional<std::uint32_t> context_length;
    std::optional<std::uint32_t> embedding_length;
    std::optional<std::uint32_t> feed_forward_length;
    std::optional<std::uint32_t> head_count;
    std::optional<std::uint32_t> head_count_kv;
    std::optional<std::vector<std::uint32_t>> head_counts_kv; ///< of each block, instead of that
    std::optional<float> rope_freq_base;
    std::optional<float> rope_freq_base_swa;
    std::optional<float> rms_epsilon;
    std::optional<float> layer_norm_epsilon;
    std::optional<std::uint32_t> key_length;
    std::optional<std::uint32_t> value_length;
    std::optional<std::uint32_t> vocab_size;
    std::optional<std::uint32_t> rope_dimension_count;

    std::optional<std::string> rope_scaling_type; ///< linear, yarn, longrope, none; not llama3
    std::optional<float> rope_scaling_factor;
    std::optional<std::uint32_t> rope_original_context_length;
    std::optional<float> rope_attention_factor;
    std::optional<bool> rope_finetuned; ///< false: heads do not turn (granite)
    std::optional<float> yarn_extrapolation_factor;
    std::optional<float> yarn_attention_factor;
    std::optional<float> yarn_beta_fast;
    std::optional<float> yarn_beta_slow;
    std::optional<float> yarn_log_multiplier;
    std::optional<std::vector<std::int32_t>> rope_sections; ///< pairs of each position, of images
    std::optional<std::uint32_t> deepstack_layers;          ///< layers that images are added to

    std::optional<std::uint32_t> expert_count;
    std::optional<std::uint32_t> expert_used_count;
    std::optional<std::uint32_t> expert_shared_count;
    std::optional<std::uint32_t> expert_group_count;
    std::optional<std::uint32_t> expert_group_used_count;
    std::optional<std::uint32_t> expert_gating_function; ///< 1 softmax, 2 sigmoid, 3 softmax of the chosen
    std::optional<std::uint32_t> expert_feed_forward_length;
    std::optional<std::uint32_t> expert_shared_feed_forward_length;
    std::optional<float> expert_weights_scale;
    std::optional<bool> expert_weights_norm;
    std::optional<std::uint32_t> leading_dense_block_count;
    std::optional<std::uint32_t> interleave_moe_layer_step;

    std::optional<std::uint32_t> sliding_window;
    std::optional<std::vector<bool>> sliding_window_pattern; ///< true: the layer has the window
    std::optional<float> attention_softcap;
    std::optional<float> final_logit_softcap;
    std::optional<float> attention_scale;
    std::optional<float> value_scale;       ///< of what attention has mixed
    std::optional<float> temperature_scale; ///< of queries, which grow with their position
    std::optional<std::uint32_t> temperature_length;
    std::optional<float> max_alibi_bias;
    std::optional<bool> parallel_residual;
    std::optional<float> embedding_scale;
    std::optional<float> residual_scale;
    std::optional<float> logit_scale;

    std::optional<std::uint32_t> q_lora_rank;
    std::optional<std::uint32_t> kv_lora_rank;
    std::optional<std::uint32_t> key_length_mla;
    std::optional<std::uint32_t> value_length_mla;
};

namespace detail {

/// Calls visit(key without the architecture, field) for every field, in the order of the file.
template <class Facts, class Visit>
void for_each_field(Facts& facts, Visit visit)
{
    visit("block_count", facts.block_count);
    visit("context_length", facts.context_length);
    visit("embedding_length", facts.embedding_length);
    visit("feed_forward_length", facts.feed_forward_length);
    visit("attention.head_count", facts.head_count);
    visit("attention.head_count_kv", facts.head_count_kv);
    visit("attention.head_count_kv", facts.head_counts_kv);
    visit("rope.freq_base", facts.rope_freq_base);
    visit("rope.freq_base_swa", facts.rope_freq_base_swa);
    visit("attention.layer_norm_rms_epsilon", facts.rms_epsilon);
    visit("attention.layer_norm_epsilon", facts.layer_norm_epsilon);
    visit("attention.key_length", facts.key_length);
    visit("attention.value_length", facts.value_length);
    visit("vocab_size", facts.vocab_size);
    visit("rope.dimension_count", facts.rope_dimension_count);
    visit("rope.scaling.type", facts.rope_scaling_type);
    visit("rope.scaling.factor", facts.rope_scaling_factor);
    visit("rope.scaling.original_context_length", facts.rope_original_context_length);
    visit("rope.scaling.attn_factor", facts.rope_attention_factor);
    visit("rope.scaling.finetuned", facts.rope_finetuned);
    visit("rope.scaling.yarn_ext_factor", facts.yarn_extrapolation_factor);
    visit("rope.scaling.yarn_attn_factor", facts.yarn_attention_factor);
    visit("rope.scaling.yarn_beta_fast", facts.yarn_beta_fast);
    visit("rope.scaling.yarn_beta_slow", facts.yarn_beta_slow);
    visit("rope.scaling.yarn_log_multiplier", facts.yarn_log_multiplier);
    visit("rope.dimension_sections", facts.rope_sections);
    visit("n_deepstack_layers", facts.deepstack_layers);
    visit("expert_count", facts.expert_count);
    visit("expert_used_count", facts.expert_used_count);
    visit("expert_shared_count", facts.expert_shared_count);
    visit("expert_group_count", facts.expert_group_count);
    visit("expert_group_used_count", facts.expert_group_used_count);
    visit("expert_gating_func", facts.expert_gating_function);
    visit("expert_feed_forward_length", facts.expert_feed_forward_length);
    visit("expert_shared_feed_forward_length", facts.expert_shared_feed_forward_length);
    visit("expert_weights_scale", facts.expert_weights_scale);
    visit("expert_weights_norm", facts.expert_weights_norm);
    visit("leading_dense_block_count", facts.leading_dense_block_count);
    visit("interleave_moe_layer_step", facts.interleave_moe_layer_step);
    visit("attention.sliding_window", facts.sliding_window);
    visit("attention.sliding_window_pattern", facts.sliding_window_pattern);
    visit("attn_logit_softcapping", facts.attention_softcap);
    visit("final_logit_softcapping", facts.final_logit_softcap);
    visit("attention.scale", facts.attention_scale);
    visit("attention.value_scale", facts.value_scale);
    visit("attention.temperature_scale", facts.temperature_scale);
    visit("attention.temperature_length", facts.temperature_length);
    visit("attention.max_alibi_bias", facts.max_alibi_bias);
    visit("use_parallel_residual", facts.parallel_residual);
    visit("embedding_scale", facts.embedding_scale);
    visit("residual_scale", facts.residual_scale);
    visit("logit_scale", facts.logit_scale);
    visit("attention.q_lora_rank", facts.q_lora_rank);
    visit("attention.kv_lora_rank", facts.kv_lora_rank);
    visit("attention.key_length_mla", facts.key_length_mla);
    visit("attention.value_length_mla", facts.value_length_mla);
}

// Keys of one number that may also be a list, one for each layer, and the other way round.
template <class T>
bool has_other_form(const value_view* content, std::string_view key, const std::optional<T>&)
{
    constexpr bool is_list = requires(T field) { field.assign(field.begin(), field.end()); };
    const bool has_two = key == "attention.sliding_window_pattern" || key == "attention.head_count_kv";
    return has_two && content != nullptr && content->is_array() != is_list;
}

// A sliding-window pattern may also be a period: every period-th layer has no window.
inline status expand_period(const file& from, hyperparameters& facts)
{
    const std::string key = facts.architecture + ".attention.sliding_window_pattern";
    const value_view* content = from.find(key);
    if (content == nullptr || content->is_array()) return {};
    AWQ_TRY(const auto period, content->as_integer<std::uint32_t>());
    if (period == 0) return error{error_code::malformed_file, from.path(), ": ", key, " is 0"};
    std::vector<bool> pattern(facts.block_count.value_or(0));
    for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = i % period != period - 1;
    facts.sliding_window_pattern = std::move(pattern);
    return {};
}

inline status check_count(const file& from, const hyperparameters& facts, std::string_view key,
                          const std::optional<std::uint32_t>& field, std::uint32_t limit)
{
    if (!field)
        return error{error_code::missing_field, from.path(), ": has no ", printable(facts.architecture), ".", key};
    if (*field > 0 && *field <= limit) return {};
    return error{
        error_code::malformed_file,    from.path(), ": ", printable(facts.architecture), ".", key, " is ", *field,
        ", it must be between 1 and ", limit};
}

inline status check_counts(const file& from, const hyperparameters& facts)
{
    AWQ_CHECK(check_count(from, facts, "block_count", facts.block_count, 1u << 14));
    AWQ_CHECK(check_count(from, facts, "embedding_length", facts.embedding_length, 1u << 24));
    AWQ_CHECK(check_count(from, facts, "context_length", facts.context_length, 1u << 31));
    if (facts.head_count && (*facts.head_count == 0 || *facts.head_count > 1u << 16))
        return error{error_code::malformed_file, from.path(), ": ", *facts.head_count, " attention heads"};
    return {};
}

} // namespace detail

/// Appends "<architecture>.<key>" for every field that is set.
inline void append_hyperparameters(key_values& metadata, const hyperparameters& facts)
{
    detail::for_each_field(facts, [&](std::string_view key, const auto& field) {
        if (field) metadata.set(facts.architecture + "." + std::string{key}, *field);
    });
}

/// Reads the fields back. Errors: `missing_field` without an architecture or the basic counts,
/// `malformed_file` where a value has another kind than its field.
inline result<hyperparameters> read_hyperparameters(const file& from)
{
    hyperparameters facts;
    std::optional<std::string> architecture;
    AWQ_CHECK(read_optional(from, "general.architecture", architecture));
    if (!architecture) return error{error_code::missing_field, from.path(), ": has no general.architecture"};
    facts.architecture = *architecture;
    status outcome;
    const std::string prefix = facts.architecture + ".";
    detail::for_each_field(facts, [&](std::string_view key, auto& field) {
        const std::string full = prefix + std::string{key};
        if (outcome && !detail::has_other_form(from.find(full), key, field)) outcome = read_optional(from, full, field);
    });
    AWQ_CHECK(outcome);
    AWQ_CHECK(detail::check_counts(from, facts));
    AWQ_CHECK(detail::expand_period(from, facts));
    return facts;
}

} // namespace awq::gguf

#endif
