// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_READ_GGUF_CONFIG_HPP
#define AWQ_CHECKPOINT_READ_GGUF_CONFIG_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_conclusions.hpp>
#include <awq/io/gguf/architecture.hpp>
#include <awq/io/gguf/hyperparameters.hpp>
#include <awq/io/gguf/read_key.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/model/architectures/registry.hpp>
#include <awq/model/forward/rope.hpp>

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
inline status require(const gguf::file& file, const gguf::hyperparameters& facts, std::string_view key,
                      const std::optional<std::uint32_t>& field, std::size_t& into)
{
    if (!field) return error{error_code::missing_field, file.path(), ": has no ", facts.architecture, ".", key};
    into = *field;
    return {};
}

/// Of layers that have other numbers of key heads only MiMo V2 is known: those with a window twice as many.
inline status read_head_counts(const gguf::file& file, const gguf::hyperparameters& facts, model_config& into)
{
    const std::vector<std::uint32_t>& counts = *facts.head_counts_kv;
    const std::vector<bool> sliding = facts.sliding_window_pattern.value_or(std::vector<bool>{});
    std::size_t base = 0;
    bool fits =
        facts.architecture == "mimo2" && counts.size() == into.num_hidden_layers && sliding.size() == counts.size();
    for (std::size_t i = 0; fits && i < counts.size(); ++i) {
        const std::size_t own = sliding[i] ? counts[i] / 2 : counts[i];
        fits = counts[i] == own * (sliding[i] ? 2 : 1) && (base == 0 || own == base);
        base = own;
    }
    into.num_key_value_heads = base;
    if (fits) return {};
    return error{error_code::unsupported, file.path(), ": ", printable(facts.architecture),
                 ".attention.head_count_kv is a list that no supported model has"};
}

inline status read_gguf_sizes(const gguf::file& file, const gguf::hyperparameters& facts, model_config& into)
{
    AWQ_CHECK(require(file, facts, "block_count", facts.block_count, into.num_hidden_layers));
    AWQ_CHECK(require(file, facts, "context_length", facts.context_length, into.max_position_embeddings));
    AWQ_CHECK(require(file, facts, "embedding_length", facts.embedding_length, into.hidden_size));
    AWQ_CHECK(require(file, facts, "feed_forward_length", facts.feed_forward_length, into.intermediate_size));
    AWQ_CHECK(require(file, facts, "attention.head_count", facts.head_count, into.num_attention_heads));
    into.num_key_value_heads = facts.head_count_kv.value_or(*facts.head_count);
    if (facts.head_counts_kv) AWQ_CHECK(read_head_counts(file, facts, into));
    const bool rms = into.norms == norm_kind::rms;
    const auto& epsilon = rms ? facts.rms_epsilon : facts.layer_norm_epsilon;
    if (!epsilon)
        return error{error_code::missing_field, file.path(), ": has no ", facts.architecture,
                     rms ? ".attention.layer_norm_rms_epsilon" : ".attention.layer_norm_epsilon"};
    into.rms_norm_eps = *epsilon;
    return {};
}

/// Sizes of heads; of latent attention those behind its latents.
inline status read_gguf_heads(const gguf::file& file, const gguf::hyperparameters& facts, model_config& into)
{
    const auto usual = static_cast<std::uint32_t>(into.hidden_size / into.num_attention_heads);
    into.head_dim = facts.key_length.value_or(usual);
    if (into.value_head_dim != 0) {
        into.value_head_dim = facts.value_length.value_or(usual);
        return {};
    }
    if (into.latent.rank == 0) {
        if (facts.value_length.value_or(usual) == into.head_dim) return {};
        return error{error_code::unsupported,
                     file.path(),
                     ": keys of ",
                     into.head_dim,
                     " and values of ",
                     facts.value_length.value_or(usual),
                     " elements a head; they must be equal"};
    }
    latent_config& latent = into.latent;
    AWQ_CHECK(require(file, facts, "attention.kv_lora_rank", facts.kv_lora_rank, latent.rank));
    AWQ_CHECK(require(file, facts, "rope.dimension_count", facts.rope_dimension_count, latent.rotary));
    AWQ_CHECK(require(file, facts, "attention.value_length_mla", facts.value_length_mla, latent.value));
    AWQ_CHECK(require(file, facts, "attention.key_length_mla", facts.key_length_mla, latent.plain));
    if (latent.plain <= latent.rotary)
        return error{error_code::malformed_file,
                     file.path(),
                     ": attention.key_length_mla is ",
                     latent.plain,
                     ", it must be above rope.dimension_count (",
                     latent.rotary,
                     ")"};
    into.attention_multiplier = 1.0 / std::sqrt(static_cast<double>(latent.plain));
    latent.plain -= latent.rotary;
    latent.query_rank = facts.q_lora_rank.value_or(0);
    into.head_dim = latent.rotary;
    into.num_key_value_heads = into.num_attention_heads;
    return {};
}

/// Rows of a block's tensor, or of each matrix of a stack; 0 where the block has none.
inline std::size_t gguf_rows(const gguf::file& file, std::size_t layer, const char* stem)
{
    const auto* const found = file.find_tensor("blk." + std::to_string(layer) + "." + stem + ".weight");
    return found && found->dim_count > 1 ? static_cast<std::size_t>(found->dims()[1]) : 0;
}

inline std::size_t first_with_experts(const gguf::file& file, const model_config& config)
{
    std::size_t layer = 0;
    while (layer + 1 < config.num_hidden_layers && gguf_rows(file, layer, "ffn_up_exps") == 0) ++layer;
    return layer;
}

/// Experts; their widths are those of the first tensors that there are.
inline status read_gguf_experts(const gguf::file& file, const gguf::hyperparameters& facts,
                                const gguf::architecture& arch, model_config& into)
{
    if (facts.expert_count.value_or(0) == 0 && arch.experts != gguf::expert_rule::by_keys) {
        into.experts = {};
        return {};
    }
    experts_config& experts = into.experts;
    experts = {};
    AWQ_CHECK(require(file, facts, "expert_count", facts.expert_count, experts.count));
    AWQ_CHECK(require(file, facts, "expert_used_count", facts.expert_used_count, experts.per_token));
    const bool by_keys = arch.experts == gguf::expert_rule::by_keys;
    if (by_keys) experts.first = facts.leading_dense_block_count.value_or(0);
    if (arch.name == "mimo2") experts.first = first_with_experts(file, into); // no key says so
    if (arch.experts == gguf::expert_rule::by_step)
        experts.step = std::max(1u, facts.interleave_moe_layer_step.value_or(1));
    const std::size_t some = experts.first + experts.step - 1; // a block that has experts
    experts.width = gguf_rows(file, some, "ffn_up_exps");
    experts.shared_width = gguf_rows(file, some, "ffn_up_shexp");
    experts.normalized =
        by_keys ? facts.expert_weights_norm.value_or(false) : arch.experts == gguf::expert_rule::normalized;
    if (arch.name == "cohere2moe") {
        experts.by_sigmoid = facts.expert_gating_function.value_or(2) == 2;
        experts.averaged = experts.shared_width != 0;
        experts.dense_width = into.intermediate_size;
    }
    const float scale = by_keys ? facts.expert_weights_scale.value_or(0.0f) : 0.0f;
    experts.scaling = scale == 0.0f ? 1.0 : static_cast<double>(scale);
    experts.groups = std::max(1u, facts.expert_group_count.value_or(1));
    experts.chosen_groups = facts.expert_group_used_count.value_or(1);
    if (experts.groups > experts.count || experts.count % experts.groups != 0)
        return error{
            error_code::malformed_file, file.path(), ": ", experts.count, " experts in ", experts.groups, " groups"};
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
    if (!std::all_of(divisors.begin(), divisors.end(), [](float each) { return std::isfinite(each) && each > 0; }))
        return error{error_code::malformed_file, file.path(), ": rope_freqs.weight has an element that is not above 0"};
    into.rope.frequency_divisors = std::move(divisors);
    return {};
}

/// The divisors of longrope, for texts up to the original length and for longer ones.
inline status read_longrope(const gguf::file& file, const gguf::hyperparameters& facts, model_config& into)
{
    const auto read = [&](const char* name, std::vector<float>& divisors) -> status {
        const gguf::tensor_info* const found = file.find_tensor(name);
        divisors.resize(into.rotary_size() / 2);
        if (!found || found->type != gguf::type::f32 || found->bytes.size() != divisors.size() * sizeof(float))
            return error{error_code::shape_mismatch, file.path(),     ": ",       name,
                         " is not F32 with ",        divisors.size(), " elements"};
        std::memcpy(divisors.data(), found->bytes.data(), found->bytes.size());
        return {};
    };
    into.rope.kind = rope_kind::longrope;
    into.rope.attention_factor = facts.rope_attention_factor.value_or(1.0f);
    AWQ_CHECK(read("rope_factors_long.weight", into.rope.long_divisors));
    return read("rope_factors_short.weight", into.rope.frequency_divisors);
}

/// How much of a head turns.
inline status read_rotary_size(const gguf::file& file, const gguf::hyperparameters& facts,
                               const gguf::architecture& arch, model_config& into)
{
    const std::size_t head = into.head_size();
    const std::size_t turned = facts.rope_dimension_count.value_or(static_cast<std::uint32_t>(head));
    if (turned == head) {
        into.rope.partial_rotary_factor = 1.0;
        return {};
    }
    if (!arch.takes_partial_rotary || turned > head || turned == 0 || turned % 2 != 0)
        return error{error_code::unsupported,
                     file.path(),
                     ": turns ",
                     turned,
                     " of ",
                     head,
                     " elements of a head; only ",
                     arch.takes_partial_rotary ? "an even number" : "whole heads",
                     " of them are supported"};
    into.rope.partial_rotary_factor = (static_cast<double>(turned) + 0.5) / static_cast<double>(head);
    return {};
}

/// Latent attention has sharper scores instead of larger cosines.
inline void read_latent_yarn(const gguf::hyperparameters& facts, model_config& into)
{
    const double all = 10.0 * static_cast<double>(facts.yarn_log_multiplier.value_or(0.0f));
    into.rope.mscale = into.rope.mscale_all_dim = all;
    if (into.rope.kind != rope_kind::yarn) return;
    const double sharper = yarn_magnitude(into.rope.factor, all);
    into.attention_multiplier *= sharper * sharper;
}

inline status read_gguf_rope(const gguf::file& file, const gguf::hyperparameters& facts, const gguf::architecture& arch,
                             model_config& into)
{
    AWQ_CHECK(read_rotary_size(file, facts, arch, into));
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
    if (file.find_tensor("rope_factors_long.weight")) return read_longrope(file, facts, into);
    const double attention = static_cast<double>(facts.rope_attention_factor.value_or(1.0f));
    if (into.latent.rank != 0)
        read_latent_yarn(facts, into);
    else if (into.rope.kind == rope_kind::yarn && (attention == 1.0 || !into.local_rope))
        into.rope.attention_factor = yarn_magnitude(into.rope.factor, 1.0) * attention;
    else if (attention != 1.0)
        return error{error_code::unsupported,
                     file.path(),
                     ": ",
                     facts.architecture,
                     ".rope.scaling.attn_factor is ",
                     attention,
                     "; only yarn without sliding layers may have one"};
    return read_rope_divisors(file, into);
}

/// Sliding windows, and how the layers that have one turn heads.
inline void read_gguf_windows(const gguf::hyperparameters& facts, const gguf::architecture& arch, model_config& into)
{
    constexpr std::uint32_t gemma2_window = 4096;
    into.sliding_window = 0;
    if (arch.name == "llama4") { // layers that turn see their own chunk
        into.sliding_window_pattern = gguf_llama4::period;
        into.qk_norm = into.experts.count != gguf_llama4::unnormed_experts;
    }
    if (gguf_knows_windows(arch, into))
        into.sliding_window = facts.sliding_window.value_or(arch.name == "gemma2" ? gemma2_window : 0);
    if (into.sliding_window == 0) return into.local_rope.reset(); // to llama.cpp no layer slides then
    into.sliding_window_pattern = arch.window_period;
    into.sliding_layers = facts.sliding_window_pattern.value_or(std::vector<bool>{});
    if (arch.name == "olmo2") into.local_rope.emplace().theta = into.rope.theta;
    if (into.local_rope) into.local_rope->partial_rotary_factor = into.rope.partial_rotary_factor;
    if (into.local_rope)
        into.local_rope->theta = facts.rope_freq_base_swa.value_or(static_cast<float>(into.local_rope->theta));
}

/// Factors and caps.
inline void read_gguf_scales(const gguf::hyperparameters& facts, const gguf::architecture& arch, model_config& into)
{
    into.query_pre_attn_scalar = static_cast<double>(gguf_query_scalar(arch, into));
    into.scaled_embeddings = gguf_scales_embeddings(arch);
    into.attention_cap = arch.name == "gemma2" ? facts.attention_softcap.value_or(50.0f) : 0.0f;
    into.logit_cap = facts.final_logit_softcap.value_or(arch.name == "gemma2" ? 30.0f : 0.0f);
    if (facts.logit_scale)
        into.logit_multiplier = arch.name.starts_with("granite") ? 1.0 / *facts.logit_scale : *facts.logit_scale;
    if (arch.name == "gptneox") into.parallel_residual = facts.parallel_residual.value_or(true);
    if (facts.max_alibi_bias && into.alibi.most != 0.0) into.alibi.most = *facts.max_alibi_bias;
    if (arch.name != "llama4")
        into.growth = {facts.temperature_scale.value_or(0.0f), facts.temperature_length.value_or(0)};
    into.value_multiplier = facts.value_scale.value_or(1.0f);
    if (!arch.name.starts_with("granite")) return;
    into.attention_multiplier = facts.attention_scale.value_or(0.0f);
    into.embedding_multiplier = facts.embedding_scale.value_or(1.0f);
    into.residual_multiplier = facts.residual_scale.value_or(1.0f);
}

/// What the file tells by the tensors that it has.
inline status read_gguf_parts(const gguf::file& file, model_config& into)
{
    const auto has = [&](const char* name) { return file.find_tensor(name) != nullptr; };
    AWQ_TRY(const gguf::tensor_info embedding, file.tensor("token_embd.weight"));
    into.vocab_size = embedding.rows();
    into.tie_word_embeddings = !has("output.weight");
    into.out_bias = has("blk.0.attn_output.bias");
    into.qkv_bias = has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias");
    into.attention_bias = into.out_bias && into.qkv_bias;
    into.mlp_bias = has("blk.0.ffn_down.bias");
    into.qk_norm = has("blk.0.attn_q_norm.weight");
    into.parallel_residual = !has("blk.0.ffn_norm.weight"); // where the family has two forms
    into.parallel_norms = has("blk.0.attn_norm_2.weight") ? 2 : 1;
    into.head_bias = has("output.bias");
    return {};
}

/// Generation ends at any of these.
inline status read_gguf_token_ids(const gguf::file& file, model_config& into)
{
    AWQ_CHECK(gguf::read_optional(file, "tokenizer.ggml.bos_token_id", into.bos_token_id));
    for (const char* role : {"eos", "eot", "eom"}) {
        std::optional<std::uint32_t> id;
        AWQ_CHECK(gguf::read_optional(file, "tokenizer.ggml." + std::string{role} + "_token_id", id));
        if (id) into.eos_token_ids.push_back(*id);
    }
    return {};
}

/// What the architecture takes for granted. Norm weights are stored as they are multiplied with.
inline result<model_config> start_gguf_config(const gguf::file& file, const gguf::architecture* arch,
                                              const gguf::hyperparameters& facts)
{
    if (!arch) {
        std::string known;
        for (const gguf::architecture& each : gguf::architectures)
            known.append(known.empty() ? "" : " ").append(each.name);
        return error{error_code::unknown_architecture,
                     file.path(),
                     ": architecture \"",
                     printable(facts.architecture),
                     "\" has no forward pass here; supported are ",
                     known};
    }
    constexpr std::uint32_t sigmoid = 2;
    std::string_view name = arch->hf_names.front();
    if (arch->name == "llama" && facts.expert_count.value_or(0) != 0) name = "MixtralForCausalLM";
    if (arch->name == "deepseek2" && facts.expert_gating_function.value_or(1) != sigmoid)
        name = "DeepseekV2ForCausalLM";
    const architecture* const kind = find_architecture(name);
    if (!kind) return unknown_architecture(name).from_file(file.path());
    model_config config = defaults_of(*kind);
    if (arch->name == "cohere2moe" && facts.rms_epsilon) config.norms = norm_kind::rms;
    config.offset_norms = false;
    config.rope = {};
    return config;
}

} // namespace detail

/// The config of a GGUF file's model, checked. Errors: missing_field, malformed_file;
/// `unknown_architecture` where there is no forward pass for it.
inline result<model_config> read_gguf_config(const gguf::file& file)
{
    AWQ_TRY(const gguf::hyperparameters facts, gguf::read_hyperparameters(file));
    const gguf::architecture* const arch = gguf::find_architecture(facts.architecture);
    AWQ_TRY(model_config config, detail::start_gguf_config(file, arch, facts));
    AWQ_CHECK(detail::read_gguf_sizes(file, facts, config));
    AWQ_CHECK(detail::read_gguf_heads(file, facts, config));
    AWQ_CHECK(detail::read_gguf_parts(file, config));
    AWQ_CHECK(detail::read_gguf_experts(file, facts, *arch, config));
    if (const auto sound = check(config); !sound) return sound.error().from_file(file.path());
    AWQ_CHECK(detail::read_gguf_rope(file, facts, *arch, config));
    detail::read_gguf_windows(facts, *arch, config);
    detail::read_gguf_scales(facts, *arch, config);
    config.unturned_layers.clear();
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        config.unturned_layers.push_back(!gguf_turns(*arch, config, layer) || !facts.rope_finetuned.value_or(true));
    AWQ_CHECK(detail::read_gguf_token_ids(file, config));
    if (const auto sound = check(config); !sound) return sound.error().from_file(file.path());
    return config;
}

} // namespace awq

#endif
