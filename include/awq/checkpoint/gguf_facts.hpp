// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_FACTS_HPP
#define AWQ_CHECKPOINT_GGUF_FACTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_conclusions.hpp>
#include <awq/checkpoint/gguf_layout.hpp>
#include <awq/checkpoint/gguf_losses.hpp>
#include <awq/checkpoint/gguf_notes.hpp>
#include <awq/checkpoint/gguf_parameters.hpp>
#include <awq/checkpoint/gguf_vocabulary.hpp>
#include <awq/config.hpp>
#include <awq/io/gguf/hyperparameters.hpp>
#include <awq/io/gguf/metadata.hpp>
#include <awq/io/gguf/rope_freqs.hpp>
#include <awq/model/forward/rope.hpp>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

inline std::uint32_t gguf_count(std::size_t value) { return static_cast<std::uint32_t>(value); }

inline void describe_yarn(const model_config& config, gguf::hyperparameters& facts)
{
    facts.rope_original_context_length = gguf_count(static_cast<std::size_t>(original_length(config)));
    const double wanted = attention_factor(config);
    if (config.latent.rank != 0) { // scores are sharper by this instead
        facts.yarn_log_multiplier = static_cast<float>(0.1 * config.rope.mscale_all_dim.value_or(0.0));
        return;
    }
    // llama.cpp multiplies yarn's usual magnitude by its own factor.
    const double usual = yarn_magnitude(config.rope.factor, 1.0);
    if (wanted != usual) facts.rope_attention_factor = static_cast<float>(wanted / usual);
}

/// "rope" keys; llama3 and longrope become tensors instead.
inline void describe_rope(const model_config& config, const gguf::architecture& arch, gguf::hyperparameters& facts)
{
    const rope_config& rope = config.rope;
    facts.rope_freq_base = static_cast<float>(rope.theta);
    if (arch.pairs || arch.takes_partial_rotary) facts.rope_dimension_count = gguf_count(config.rotary_size());
    if (rope.kind == rope_kind::linear || rope.kind == rope_kind::yarn) {
        facts.rope_scaling_type = rope.kind == rope_kind::linear ? "linear" : "yarn";
        facts.rope_scaling_factor = static_cast<float>(rope.factor);
    }
    if (rope.kind == rope_kind::yarn) describe_yarn(config, facts);
    if (rope.kind == rope_kind::longrope) {
        facts.rope_original_context_length = gguf_count(static_cast<std::size_t>(original_length(config)));
        facts.rope_attention_factor = static_cast<float>(attention_factor(config));
    }
    if (rope.sections.empty()) return;
    facts.rope_sections.emplace(rope.sections.begin(), rope.sections.end());
    facts.rope_sections->resize(4); // llama.cpp knows one position more
    if (config.deepstack_layers != 0) facts.deepstack_layers = gguf_count(config.deepstack_layers);
}

/// The rotary embedding of the sliding layers, where it is another one.
inline status describe_local_rope(const model_config& config, const gguf::architecture& arch,
                                  gguf::hyperparameters& facts)
{
    if (!config.local_rope) return {};
    if (arch.window_period == 0)
        return error{error_code::unsupported, "config: llama.cpp turns heads of ", arch.name,
                     " models alike in all layers, this one has another rotary embedding in its "
                     "sliding layers"};
    if (config.local_rope->partial_rotary_factor != config.rope.partial_rotary_factor)
        return error{error_code::unsupported, "config: llama.cpp turns the same share of heads in all layers, this "
                                              "one another in its sliding layers"};
    if (config.local_rope->kind != rope_kind::plain)
        return error{error_code::unsupported, "config: llama.cpp does not stretch the rotary "
                                              "embedding of sliding layers"};
    facts.rope_freq_base_swa = static_cast<float>(config.local_rope->theta);
    return {};
}

/// Sliding windows, and what only the layers without one do.
inline void describe_windows(const model_config& config, const gguf::architecture& arch, gguf::hyperparameters& facts)
{
    if (!gguf_knows_windows(arch, config)) return;
    std::vector<bool> pattern(config.num_hidden_layers);
    bool usual = true, any = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        pattern[i] = config.is_sliding(i);
        usual = usual && pattern[i] == ((i + 1) % arch.window_period != 0);
        any = any || pattern[i];
    }
    if (!any) return; // a window that no layer has ends llama.cpp's process
    const bool has_own_rope = config.local_rope || arch.name == "cohere2";
    if (config.sliding_window == 0 && !has_own_rope && arch.name != "gemma2") return;
    // By the window llama.cpp knows the layers with a rotary embedding of their own; without one they
    // get one that hides nothing.
    const std::size_t all = config.max_position_embeddings;
    facts.sliding_window = gguf_count(config.sliding_window != 0 ? config.sliding_window : all);
    if (!usual || arch.states_windows) facts.sliding_window_pattern = std::move(pattern);
}

/// llama.cpp's number of it.
constexpr std::uint32_t gating_of(router_kind kind)
{
    if (kind == router_kind::softmax_chosen) return 3;
    return kind == router_kind::sigmoid || kind == router_kind::sigmoid_chosen ? 2 : 1;
}

/// Experts, and the router's rule as the first block that has some states it.
inline void describe_experts(const model_config& config, const gguf::architecture& arch, gguf::hyperparameters& facts)
{
    const experts_config& experts = config.experts;
    if (experts.count == 0) return;
    facts.expert_count = gguf_count(experts.count);
    facts.expert_used_count = gguf_count(experts.per_token);
    facts.expert_feed_forward_length = gguf_count(experts.width);
    if (experts.dense_width != 0) facts.feed_forward_length = gguf_count(experts.dense_width);
    if (experts.shared_width != 0) {
        facts.expert_shared_feed_forward_length = gguf_count(experts.shared_width);
        facts.expert_shared_count = gguf_count(experts.shared_width / experts.width);
    }
    facts.leading_dense_block_count = gguf_count(leading_dense(config));
    const bool by_step = arch.experts == gguf::expert_rule::by_step;
    facts.interleave_moe_layer_step = gguf_count(by_step ? step_of_experts(config) : experts.step);
    if (experts.groups > 1) {
        facts.expert_group_count = gguf_count(experts.groups);
        facts.expert_group_used_count = gguf_count(experts.chosen_groups);
    }
    const auto rule = router_rule_of(config);
    if (!rule) return;
    facts.expert_weights_scale = rule->scaling;
    facts.expert_weights_norm = rule->normalized;
    facts.expert_gating_function = gating_of(rule->kind);
}

/// Keys and values of layers that have other numbers of them, or other sizes.
inline void describe_heads(const model_config& config, gguf::hyperparameters& facts)
{
    if (config.head_dim != 0) facts.key_length = facts.value_length = gguf_count(config.head_dim);
    if (config.value_head_dim != 0) facts.value_length = gguf_count(config.value_head_dim);
    std::vector<std::uint32_t> counts;
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        for (const block_part& part : layout_of(config, layer).parts)
            if (const auto* const found = std::get_if<attention_part>(&part))
                counts.push_back(gguf_count(found->rule.kv_heads));
    if (counts.empty() || std::ranges::count(counts, *facts.head_count_kv) == std::ssize(counts)) return;
    facts.head_count_kv.reset();
    facts.head_counts_kv = std::move(counts);
}

/// What llama.cpp calls latent attention: one key and value head of the latent's size.
inline void describe_latent(const model_config& config, gguf::hyperparameters& facts)
{
    const latent_config& latent = config.latent;
    if (latent.rank == 0) return;
    facts.head_count_kv = 1;
    facts.key_length = gguf_count(latent.rank + latent.rotary);
    facts.value_length = facts.kv_lora_rank = gguf_count(latent.rank);
    facts.key_length_mla = gguf_count(latent.plain + latent.rotary);
    facts.value_length_mla = gguf_count(latent.value);
    facts.q_lora_rank = gguf_count(latent.query_rank);
}

/// Factors and caps.
inline void describe_scales(const model_config& config, const gguf::architecture& arch, gguf::hyperparameters& facts)
{
    const auto real = [](double value) { return static_cast<float>(value); };
    if (config.attention_cap != 0.0) facts.attention_softcap = real(config.attention_cap);
    if (config.logit_cap != 0.0) facts.final_logit_softcap = real(config.logit_cap);
    if (arch.name == "command-r" || arch.name.starts_with("cohere2")) facts.logit_scale = real(config.logit_multiplier);
    if (config.alibi.most != 0.0) facts.max_alibi_bias = real(config.alibi.most);
    if (arch.name == "gptneox") facts.parallel_residual = config.parallel_residual;
    if (arch.name == "mimo2") facts.value_scale = real(config.value_multiplier);
    if (config.growth.length != 0 && arch.name != "llama4") {
        facts.temperature_scale = real(config.growth.slope);
        facts.temperature_length = gguf_count(config.growth.length);
    }
    if (!arch.name.starts_with("granite")) return;
    if (!config.turns(0)) facts.rope_finetuned = false;
    facts.logit_scale = real(1.0 / config.logit_multiplier); // this one divides
    facts.attention_scale = config.attention_scale();
    facts.embedding_scale = real(config.embedding_multiplier);
    facts.residual_scale = real(config.residual_multiplier);
}

/// "smol-lm_2" -> "Smol Lm 2".
inline std::string title_of(const std::string& directory)
{
    std::error_code failure;
    const std::filesystem::path path = std::filesystem::weakly_canonical(directory, failure);
    std::string title = (failure ? std::filesystem::path{directory} : path).filename().string();
    bool begins = true;
    for (char& each : title) {
        if (each == '-' || each == '_') each = ' ';
        if (begins) each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
        begins = each == ' ';
    }
    return title;
}

/// llama.cpp looks for a Phi-3 tokenizer where the name says Phi-3.
inline bool claims_to_be_phi3(std::string name)
{
    for (char& each : name) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
    return name.find("phi3") != name.npos || name.find("phi-3") != name.npos;
}

} // namespace detail

/// What llama.cpp wants to know of a model. Errors: an architecture without counterpart, those of
/// `check_gguf_function`.
inline result<gguf::hyperparameters> gguf_hyperparameters(const model_config& config)
{
    AWQ_TRY(const gguf::architecture* const arch, gguf_architecture_of(config));
    AWQ_CHECK(check_gguf_function(config, *arch));
    using detail::gguf_count;
    gguf::hyperparameters facts;
    facts.architecture = arch->name;
    facts.block_count = gguf_count(config.num_hidden_layers);
    facts.context_length = gguf_count(config.max_position_embeddings);
    facts.embedding_length = gguf_count(config.hidden_size);
    facts.feed_forward_length = gguf_count(config.intermediate_size);
    facts.head_count = gguf_count(config.num_attention_heads);
    facts.head_count_kv = gguf_count(config.kv_heads());
    const auto eps = static_cast<float>(config.rms_norm_eps);
    (config.norms == norm_kind::rms ? facts.rms_epsilon : facts.layer_norm_epsilon) = eps;
    detail::describe_heads(config, facts);
    if (arch->pairs) facts.vocab_size = gguf_count(config.vocab_size);
    detail::describe_rope(config, *arch, facts);
    AWQ_CHECK(detail::describe_local_rope(config, *arch, facts));
    detail::describe_windows(config, *arch, facts);
    detail::describe_experts(config, *arch, facts);
    detail::describe_latent(config, facts);
    detail::describe_scales(config, *arch, facts);
    return facts;
}

/// The values of a tensor that holds what a rotary embedding is stretched by: rope_freqs.weight of
/// llama3, rope_factors_long.weight and rope_factors_short.weight of longrope.
inline result<std::vector<float>> gguf_rope_values(const model_config& config, std::string_view name)
{
    const rope_config& rope = config.rope;
    if (name.starts_with("rope_factors_long")) return rope.long_divisors;
    if (name.starts_with("rope_factors_short")) return rope.frequency_divisors;
    gguf::llama3_rope from;
    from.base = static_cast<float>(rope.theta);
    from.factor = static_cast<float>(rope.factor);
    from.low_freq_factor = static_cast<float>(rope.low_freq_factor);
    from.high_freq_factor = static_cast<float>(rope.high_freq_factor);
    from.original_context_length = static_cast<float>(detail::original_length(config));
    return gguf::llama3_rope_freqs(from, config.head_size());
}

/// All metadata of the GGUF file of a model; `notices` gets what the file does not hold, or holds
/// otherwise. `pre`: as in `read_gguf_tokenizer`.
AWQ_COMPILED result<gguf::key_values> gguf_metadata(const directory_source& source, const gguf_layout& layout,
                                                    notice_list& notices, const std::string& pre = {});

#if AWQ_COMPILES_FILES
AWQ_COMPILED result<gguf::key_values> gguf_metadata(const directory_source& source, const gguf_layout& layout,
                                                    notice_list& notices, const std::string& pre)
{
    AWQ_TRY(const gguf::hyperparameters facts, gguf_hyperparameters(source.config()));
    AWQ_TRY(const gguf::tokenizer_facts tokens,
            read_gguf_tokenizer(source.path(), source.config().vocab_size, notices, pre));
    note_gguf_losses(source.config(), layout.architecture(), notices);
    note_fallbacks(layout.tensors(), notices);
    note_left_out(source, layout.tensors(), notices);
    gguf::model_card card;
    card.name = detail::title_of(source.path());
    if (detail::claims_to_be_phi3(card.name)) card.name.clear();
    card.size_label = gguf::size_label_of(layout.parameters());
    gguf::key_values metadata = gguf::build_metadata(card, facts, tokens, layout.file_type());
    AWQ_CHECK(write_gguf_parameters(source, metadata));
    return metadata;
}
#endif

} // namespace awq

#endif
