// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_GGUF_FACTS_HPP
#define AWQ_PIPELINE_GGUF_FACTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/io/gguf/hyperparameters.hpp>
#include <awq/io/gguf/metadata.hpp>
#include <awq/io/gguf/rope_freqs.hpp>
#include <awq/model/forward/rope.hpp>
#include <awq/pipeline/gguf_layout.hpp>
#include <awq/pipeline/gguf_losses.hpp>
#include <awq/pipeline/gguf_notes.hpp>
#include <awq/pipeline/gguf_query_scalar.hpp>
#include <awq/pipeline/gguf_vocabulary.hpp>

#include <cctype>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

/// "rope.scaling" keys; llama3 scaling becomes a tensor instead.
inline void describe_rope(const model_config& config, gguf::hyperparameters& facts)
{
    const rope_config& rope = config.rope;
    facts.rope_freq_base = static_cast<float>(rope.theta);
    if (rope.kind == rope_kind::linear || rope.kind == rope_kind::yarn) {
        facts.rope_scaling_type = rope.kind == rope_kind::linear ? "linear" : "yarn";
        facts.rope_scaling_factor = static_cast<float>(rope.factor);
    }
    if (rope.kind != rope_kind::yarn) return;
    const std::size_t original = rope.original_max_position_embeddings;
    facts.rope_original_context_length =
        static_cast<std::uint32_t>(original != 0 ? original : config.max_position_embeddings);
    // llama.cpp multiplies yarn's usual magnitude by its own factor.
    const double usual = yarn_magnitude(rope.factor, 1.0), wanted = attention_factor(config);
    if (wanted != usual) facts.rope_attention_factor = static_cast<float>(wanted / usual);
}

/// Sliding windows, and what only the layers without one do.
inline status describe_windows(const model_config& config, const gguf::architecture& arch,
                               gguf::hyperparameters& facts)
{
    const std::size_t scalar = gguf_query_scalar(arch, config);
    if (config.query_pre_attn_scalar != 0.0 &&
        config.query_pre_attn_scalar != static_cast<double>(scalar))
        return error{error_code::unsupported, "config: llama.cpp takes query_pre_attn_scalar for ",
                     scalar, " in ", arch.name, " models of this shape; this model has ",
                     config.query_pre_attn_scalar};
    if (config.local_rope) {
        if (arch.window_period == 0)
            return error{error_code::unsupported, "config: llama.cpp turns heads of ", arch.name,
                         " models alike in all layers, this one has another rotary embedding in its "
                         "sliding layers"};
        if (config.local_rope->kind != rope_kind::plain)
            return error{error_code::unsupported, "config: llama.cpp does not stretch the rotary "
                                                  "embedding of sliding layers"};
        facts.rope_freq_base_swa = static_cast<float>(config.local_rope->theta);
    }
    if (arch.window_period == 0) return {};
    std::vector<bool> pattern(config.num_hidden_layers);
    bool usual = true, any = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        pattern[i] = config.is_sliding(i);
        usual = usual && pattern[i] == ((i + 1) % arch.window_period != 0);
        any = any || pattern[i];
    }
    if (!any) return {}; // a window that no layer has ends llama.cpp's process
    // By the window llama.cpp knows the layers with a rotary embedding of their own; without one they
    // get one that hides nothing.
    const std::size_t all = config.max_position_embeddings;
    facts.sliding_window =
        static_cast<std::uint32_t>(config.sliding_window != 0 ? config.sliding_window : all);
    if (!usual) facts.sliding_window_pattern = std::move(pattern);
    return {};
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
    const auto count = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
    gguf::hyperparameters facts;
    facts.architecture = arch->name;
    facts.block_count = count(config.num_hidden_layers);
    facts.context_length = count(config.max_position_embeddings);
    facts.embedding_length = count(config.hidden_size);
    facts.feed_forward_length = count(config.intermediate_size);
    facts.head_count = count(config.num_attention_heads);
    facts.head_count_kv = count(config.kv_heads());
    facts.rms_epsilon = static_cast<float>(config.rms_norm_eps);
    if (config.head_dim != 0) facts.key_length = facts.value_length = count(config.head_dim);
    if (arch->interleaves_rotary) {
        facts.vocab_size = count(config.vocab_size);
        facts.rope_dimension_count = count(config.head_size());
    }
    detail::describe_rope(config, facts);
    AWQ_CHECK(detail::describe_windows(config, *arch, facts));
    return facts;
}

/// The values of rope_freqs.weight for a model with llama3 rope scaling.
inline result<std::vector<float>> gguf_rope_freqs(const model_config& config)
{
    const rope_config& rope = config.rope;
    const std::size_t original = rope.original_max_position_embeddings;
    gguf::llama3_rope from;
    from.base = static_cast<float>(rope.theta);
    from.factor = static_cast<float>(rope.factor);
    from.low_freq_factor = static_cast<float>(rope.low_freq_factor);
    from.high_freq_factor = static_cast<float>(rope.high_freq_factor);
    from.original_context_length =
        static_cast<float>(original != 0 ? original : config.max_position_embeddings);
    return gguf::llama3_rope_freqs(from, config.head_size());
}

/// All metadata of the GGUF file of a model; `notices` gets what the file does not hold, or holds
/// otherwise. `pre`: as in `read_gguf_tokenizer`.
AWQ_COMPILED result<gguf::key_values> gguf_metadata(const directory_source& source,
                                                    const gguf_layout& layout, notice_list& notices,
                                                    const std::string& pre = {});

#if AWQ_COMPILES_FILES
AWQ_COMPILED result<gguf::key_values> gguf_metadata(const directory_source& source,
                                                    const gguf_layout& layout, notice_list& notices,
                                                    const std::string& pre)
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
    return gguf::build_metadata(card, facts, tokens, layout.file_type());
}
#endif

} // namespace awq

#endif
