// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_READ_GGUF_CONFIG_HPP
#define AWQ_PIPELINE_READ_GGUF_CONFIG_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/architecture.hpp>
#include <awq/io/gguf/hyperparameters.hpp>
#include <awq/io/gguf/read_key.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/model/forward/rope.hpp>
#include <awq/model/architectures/registry.hpp>
#include <awq/pipeline/gguf_query_scalar.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

/// A number that must be there.
inline status require(const gguf::file& file, const gguf::hyperparameters& facts,
                      std::string_view key, const std::optional<std::uint32_t>& field,
                      std::size_t& into)
{
    if (!field)
        return error{error_code::missing_field, file.path(), ": has no ", facts.architecture, ".",
                     key};
    into = *field;
    return {};
}

inline status read_gguf_sizes(const gguf::file& file, const gguf::hyperparameters& facts,
                              model_config& into)
{
    AWQ_CHECK(require(file, facts, "block_count", facts.block_count, into.num_hidden_layers));
    AWQ_CHECK(require(file, facts, "context_length", facts.context_length,
                      into.max_position_embeddings));
    AWQ_CHECK(require(file, facts, "embedding_length", facts.embedding_length, into.hidden_size));
    AWQ_CHECK(require(file, facts, "feed_forward_length", facts.feed_forward_length,
                      into.intermediate_size));
    AWQ_CHECK(require(file, facts, "attention.head_count", facts.head_count,
                      into.num_attention_heads));
    into.num_key_value_heads = facts.head_count_kv.value_or(*facts.head_count);
    const auto usual = static_cast<std::uint32_t>(into.hidden_size / into.num_attention_heads);
    into.head_dim = facts.key_length.value_or(usual);
    if (facts.value_length.value_or(usual) != into.head_dim)
        return error{error_code::unsupported, file.path(), ": keys of ", into.head_dim,
                     " and values of ", facts.value_length.value_or(usual),
                     " elements a head; they must be equal"};
    if (facts.expert_count.value_or(0) != 0)
        return error{error_code::unsupported, file.path(), ": has ", *facts.expert_count,
                     " experts; there is no forward pass for them here"};
    if (!facts.rms_epsilon)
        return error{error_code::missing_field, file.path(), ": has no ", facts.architecture,
                     ".attention.layer_norm_rms_epsilon"};
    into.rms_norm_eps = *facts.rms_epsilon;
    return {};
}

/// The divisors of llama3 rope scaling, which a GGUF file holds instead of its parameters.
inline status read_rope_divisors(const gguf::file& file, model_config& into)
{
    const gguf::tensor_info* const found = file.find_tensor("rope_freqs.weight");
    if (!found) return {};
    std::vector<float> divisors(found->in_features());
    if (found->type != gguf::type::f32 || found->bytes.size() != divisors.size() * sizeof(float) ||
        divisors.size() * 2 != into.rotary_size())
        return error{error_code::shape_mismatch, file.path(), ": rope_freqs.weight is not F32 with ",
                     into.rotary_size() / 2, " elements"};
    std::memcpy(divisors.data(), found->bytes.data(), found->bytes.size());
    if (!std::all_of(divisors.begin(), divisors.end(),
                     [](float each) { return std::isfinite(each) && each > 0; }))
        return error{error_code::malformed_file, file.path(),
                     ": rope_freqs.weight has an element that is not above 0"};
    into.rope.frequency_divisors = std::move(divisors);
    return {};
}

inline status read_gguf_rope(const gguf::file& file, const gguf::hyperparameters& facts,
                             model_config& into)
{
    const std::size_t head = into.head_size();
    const std::size_t turned = facts.rope_dimension_count.value_or(static_cast<std::uint32_t>(head));
    if (turned != head)
        return error{error_code::unsupported, file.path(), ": turns ", turned, " of ", head,
                     " elements of a head; only whole heads are supported"};
    into.rope.theta = facts.rope_freq_base.value_or(10000.0f);
    into.rope.factor = facts.rope_scaling_factor.value_or(1.0f);
    const std::string kind = facts.rope_scaling_type.value_or("none");
    if (kind == "linear")
        into.rope.kind = rope_kind::linear;
    else if (kind == "yarn")
        into.rope.kind = rope_kind::yarn;
    else if (kind != "none")
        return error{error_code::unsupported, file.path(), ": rope scaling \"", printable(kind),
                     "\" is not supported; none, linear and yarn are"};
    into.rope.original_max_position_embeddings = facts.rope_original_context_length.value_or(0);
    const double attention = static_cast<double>(facts.rope_attention_factor.value_or(1.0f));
    if (into.rope.kind == rope_kind::yarn && (attention == 1.0 || !into.local_rope))
        into.rope.attention_factor = yarn_magnitude(into.rope.factor, 1.0) * attention;
    else if (attention != 1.0)
        return error{error_code::unsupported, file.path(), ": ", facts.architecture,
                     ".rope.scaling.attn_factor is ", attention,
                     "; only yarn without sliding layers may have one"};
    return read_rope_divisors(file, into);
}

/// Sliding windows, and how the layers that have one turn heads.
inline status read_gguf_windows(const gguf::file& file, const gguf::hyperparameters& facts,
                                const gguf::architecture& arch, model_config& into)
{
    if (facts.attention_softcap.value_or(0.0f) != 0.0f ||
        facts.final_logit_softcap.value_or(0.0f) != 0.0f)
        return error{error_code::unsupported, file.path(), ": caps attention scores or logits; "
                                              "there is no forward pass for that here"};
    if (arch.window_period == 0) return {};
    into.sliding_window = facts.sliding_window.value_or(0);
    into.sliding_window_pattern = arch.window_period;
    into.sliding_layers = facts.sliding_window_pattern.value_or(std::vector<bool>{});
    if (into.sliding_window == 0) into.local_rope.reset(); // to llama.cpp no layer slides then
    if (into.local_rope) into.local_rope->theta = facts.rope_freq_base_swa.value_or(10000.0f);
    into.query_pre_attn_scalar = static_cast<double>(gguf_query_scalar(arch, into));
    return {};
}

/// What the file tells by the tensors that it has.
inline status read_gguf_parts(const gguf::file& file, model_config& into)
{
    const auto has = [&](const char* name) { return file.find_tensor(name) != nullptr; };
    AWQ_TRY(const gguf::tensor_info embedding, file.tensor("token_embd.weight"));
    into.vocab_size = embedding.rows();
    into.tie_word_embeddings = !has("output.weight");
    into.attention_bias = has("blk.0.attn_output.bias");
    into.qkv_bias = has("blk.0.attn_q.bias");
    into.mlp_bias = has("blk.0.ffn_down.bias");
    into.qk_norm = has("blk.0.attn_q_norm.weight");
    return {};
}

/// Generation ends at any of these.
inline status read_gguf_token_ids(const gguf::file& file, model_config& into)
{
    AWQ_CHECK(gguf::read_optional(file, "tokenizer.ggml.bos_token_id", into.bos_token_id));
    for (const char* role : {"eos", "eot", "eom"}) {
        std::optional<std::uint32_t> id;
        AWQ_CHECK(gguf::read_optional(file, "tokenizer.ggml." + std::string{role} + "_token_id",
                                      id));
        if (id) into.eos_token_ids.push_back(*id);
    }
    return {};
}

/// A GGUF architecture that can be run, and the `model_type` whose defaults it shares.
struct runnable_architecture {
    std::string_view name, model_type;
};

inline constexpr runnable_architecture runnable_architectures[] = {
    {"llama", "llama"}, {"qwen2", "qwen2"}, {"qwen3", "qwen3"}, {"gemma3", "gemma3_text"}};

/// What the architecture takes for granted. Norm weights are stored as they are multiplied with.
inline result<model_config> start_gguf_config(const gguf::file& file, std::string_view kind)
{
    std::string known;
    for (const runnable_architecture& each : runnable_architectures) {
        known.append(known.empty() ? "" : ", ").append(each.name);
        if (each.name != kind) continue;
        model_config config = defaults_for(each.model_type);
        config.offset_norms = false;
        return config;
    }
    return error{error_code::unknown_architecture, file.path(), ": architecture \"",
                 printable(kind), "\" has no forward pass here; supported are ", known};
}

} // namespace detail

/// The config of a GGUF file's model, checked. Errors: missing_field, malformed_file;
/// `unknown_architecture` where there is no forward pass for it.
inline result<model_config> read_gguf_config(const gguf::file& file)
{
    AWQ_TRY(const gguf::hyperparameters facts, gguf::read_hyperparameters(file));
    AWQ_TRY(model_config config, detail::start_gguf_config(file, facts.architecture));
    const gguf::architecture& arch = *gguf::find_architecture(facts.architecture);
    AWQ_CHECK(detail::read_gguf_sizes(file, facts, config));
    AWQ_CHECK(detail::read_gguf_parts(file, config));
    if (const auto sound = check(config); !sound) return sound.error().from_file(file.path());
    AWQ_CHECK(detail::read_gguf_rope(file, facts, config));
    AWQ_CHECK(detail::read_gguf_windows(file, facts, arch, config));
    AWQ_CHECK(detail::read_gguf_token_ids(file, config));
    if (const auto sound = check(config); !sound) return sound.error().from_file(file.path());
    return config;
}

} // namespace awq

#endif
