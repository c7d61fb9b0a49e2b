// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_LOSSES_HPP
#define AWQ_CHECKPOINT_GGUF_LOSSES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_conclusions.hpp>
#include <awq/io/gguf/architecture.hpp>
#include <awq/model/architectures/registry.hpp>
#include <awq/model/forward/rope.hpp>
#include <awq/model/model_config.hpp>
#include <awq/support/notice.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What llama.cpp 0.5.0 computes otherwise than a config asks for. A model that would be another one
/// from its first token on is refused; what differs on long texts, or by little, is a warning.
namespace awq {

namespace detail {

inline void note_lost_windows(const model_config& config, const gguf::architecture& arch, notice_list& notices)
{
    const std::size_t window = config.sliding_window;
    if (gguf_knows_windows(arch, config) || window == 0 || window >= config.max_position_embeddings) return;
    std::size_t sliding = 0;
    for (std::size_t i = 0; i < config.num_hidden_layers; ++i) sliding += config.is_sliding(i);
    if (sliding == 0) return;
    notices.warn("sliding_window: llama.cpp has no windows for " + std::string{arch.name} +
                 " models; in texts longer than " + std::to_string(window) +
                 " tokens the GGUF file sees every earlier token where " + std::to_string(sliding) +
                 " of the model's " + std::to_string(config.num_hidden_layers) + " layers do not");
}

/// Whether yarn blends frequencies as llama.cpp does, which has constants for it.
inline bool blends_as_usual(const model_config& config)
{
    model_config usual = config;
    usual.rope.beta_fast = rope_config{}.beta_fast;
    usual.rope.beta_slow = rope_config{}.beta_slow;
    usual.rope.truncate = true;
    for (std::size_t i = 0; i < config.rotary_size() / 2; ++i)
        if (rope_frequency(config, i, 1) != rope_frequency(usual, i, 1)) return false;
    return true;
}

inline void note_lost_rope(const model_config& config, notice_list& notices)
{
    if (config.rope.kind == rope_kind::dynamic)
        notices.warn("rope type \"dynamic\": llama.cpp does not have it; in texts longer than " +
                     std::to_string(config.max_position_embeddings) +
                     " tokens the GGUF file computes without any rope scaling");
    if (config.rope.kind == rope_kind::yarn && !blends_as_usual(config))
        notices.warn("rope type \"yarn\": llama.cpp fixes beta_fast at 32, beta_slow at 1 and "
                     "truncate at true; the GGUF file turns heads otherwise than this model, which "
                     "has its own");
}

/// Chunks and growth of Llama 4, which are constants to llama.cpp.
inline void note_lost_chunks(const model_config& config, const gguf::architecture& arch, notice_list& notices)
{
    if (arch.name != "llama4") return;
    using fixed = gguf_llama4;
    const query_growth& growth = config.growth;
    std::size_t same = config.max_position_embeddings; // as long as texts are no longer than this
    if (config.attention_chunk != fixed::chunk)
        same =
            std::min(same, config.attention_chunk != 0 ? std::min(config.attention_chunk, fixed::chunk) : fixed::chunk);
    if (growth.length != fixed::growth.length || growth.slope != fixed::growth.slope)
        same =
            std::min(same, growth.length != 0 ? std::min(growth.length, fixed::growth.length) : fixed::growth.length);
    if (same == config.max_position_embeddings) return;
    notices.warn("attention_chunk_size, floor_scale: llama.cpp fixes them at " + std::to_string(fixed::chunk) +
                 " and " + std::to_string(fixed::growth.length) + " for llama4 models; in texts longer than " +
                 std::to_string(same) + " tokens the GGUF file computes otherwise than this model, which has its own");
}

inline void note_lost_epsilon(const gguf::architecture& arch, notice_list& notices)
{
    if (arch.name == "qwen2vl")
        notices.note("rms_norm_eps: llama.cpp 0.5.0 does not read it for qwen2vl models and computes with 0; its "
                     "logits differ by some ten thousandths");
}

inline void note_lost_gelu(const model_config& config, const gguf::architecture& arch, notice_list& notices)
{
    if (arch.mlp == gguf::mlp_function::gelu && activation_of(config.hidden_act) == activation::gelu)
        notices.warn("hidden_act \"gelu\": llama.cpp computes " + std::string{arch.name} +
                     " models with GELU's approximation by tanh; its logits differ by about a "
                     "thousandth");
}

} // namespace detail

/// Warns about what the config asks for and a GGUF file of this architecture cannot hold.
inline void note_gguf_losses(const model_config& config, const gguf::architecture& arch, notice_list& notices)
{
    detail::note_lost_windows(config, arch, notices);
    detail::note_lost_rope(config, notices);
    detail::note_lost_chunks(config, arch, notices);
    detail::note_lost_epsilon(arch, notices);
    detail::note_lost_gelu(config, arch, notices);
}

namespace detail {

/// The router's rule of the first block with experts.
inline std::optional<router_rule> router_rule_of(const model_config& config)
{
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        if (config.experts.in(layer))
            for (const block_part& part : layout_of(config, layer).parts)
                if (const auto* const found = std::get_if<experts_part>(&part)) return found->rule;
    return std::nullopt;
}

/// Every so manyth block has experts, as far as the first one that has some tells.
inline std::size_t step_of_experts(const model_config& config)
{
    std::size_t layer = 0;
    while (layer < config.num_hidden_layers && !config.experts.in(layer)) ++layer;
    return layer + 1;
}

/// Blocks before the first one with experts.
inline std::size_t leading_dense(const model_config& config)
{
    std::size_t layer = 0;
    while (layer < config.num_hidden_layers && !config.experts.in(layer)) ++layer;
    return layer;
}

inline bool has_function(const model_config& config, const gguf::architecture& arch)
{
    const auto act = activation_of(config.hidden_act);
    switch (arch.mlp) {
    case gguf::mlp_function::gelu:
        return act == activation::gelu_tanh || act == activation::gelu;
    case gguf::mlp_function::relu_squared:
        return act == activation::relu_squared;
    case gguf::mlp_function::xielu:
        return act == activation::xielu;
    default:
        return act == activation::silu;
    }
}

constexpr const char* name_of_function(gguf::mlp_function mlp)
{
    if (mlp == gguf::mlp_function::gelu) return "GELU";
    if (mlp == gguf::mlp_function::xielu) return "xIELU";
    return mlp == gguf::mlp_function::silu ? "SiLU" : "squared ReLU";
}

inline status check_gguf_mlp(const model_config& config, const gguf::architecture& arch)
{
    if (!has_function(config, arch))
        return error{error_code::unsupported, "config: llama.cpp computes ", arch.name,
                     " models with ",         name_of_function(arch.mlp),    ", this one has hidden_act \"",
                     config.hidden_act,       "\"; no GGUF file can hold it"};
    if (!arch.takes_all_biases && (config.attention_bias || config.mlp_bias || config.out_bias))
        return error{error_code::unsupported,
                     "config: llama.cpp loads no ",
                     arch.name,
                     " models with ",
                     config.mlp_bias ? "mlp_bias" : "attention_bias",
                     "; no GGUF file can hold this one"};
    return {};
}

/// Llama 4: experts in every so manyth block; heads are normed unless there are as many as Maverick has.
inline status check_gguf_steps(const model_config& config)
{
    const std::size_t step = step_of_experts(config);
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        if (config.experts.in(layer) != ((layer + 1) % step == 0))
            return error{error_code::unsupported, "config: llama.cpp computes llama4 models with experts in every ",
                         step, "th block, this one has moe_layers of its own; no GGUF file can hold it"};
    if (config.qk_norm != (config.experts.count != gguf_llama4::unnormed_experts))
        return error{error_code::unsupported,
                     "config: llama.cpp computes llama4 models of ",
                     config.experts.count,
                     " experts with use_qk_norm ",
                     config.qk_norm ? "false" : "true",
                     "; no GGUF file can hold this one"};
    return {};
}

inline status check_gguf_experts(const model_config& config, const gguf::architecture& arch)
{
    const auto rule = router_rule_of(config);
    const auto refuse = [&](std::string_view what) {
        return error{error_code::unsupported,           "config: llama.cpp computes ", arch.name, " models with ", what,
                     "; no GGUF file can hold this one"};
    };
    if (!rule) return {};
    if (arch.experts == gguf::expert_rule::none) return refuse("no experts");
    if (arch.experts == gguf::expert_rule::by_step) return check_gguf_steps(config);
    const bool by_keys = arch.experts == gguf::expert_rule::by_keys;
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        if (config.experts.in(layer) != (layer >= (by_keys ? leading_dense(config) : 0)))
            return refuse(by_keys ? "dense blocks before all others only" : "experts in every block");
    if (rule->groups > 1 && rule->group_best != 2) return refuse("groups of experts that count by their two best");
    if (arch.name == "cohere2moe" && config.experts.shared_width != 0 && !config.experts.averaged)
        return refuse("shared_expert_combination_strategy \"average\"");
    if (by_keys && arch.name != "mimo2") return {};
    if (by_keys && rule->scaling == 1.0f && rule->normalized) return {};
    if (by_keys) return refuse("norm_topk_prob true and routed_scaling_factor 1");
    if (rule->normalized != (arch.experts == gguf::expert_rule::normalized))
        return refuse(rule->normalized ? "norm_topk_prob false" : "norm_topk_prob true");
    return {};
}

inline status check_gguf_attention(const model_config& config, const gguf::architecture& arch)
{
    const std::size_t scalar = gguf_query_scalar(arch, config);
    if (config.query_pre_attn_scalar != 0.0 && config.query_pre_attn_scalar != static_cast<double>(scalar))
        return error{error_code::unsupported,
                     "config: llama.cpp takes query_pre_attn_scalar for ",
                     scalar,
                     " in ",
                     arch.name,
                     " models of this shape; this model has ",
                     config.query_pre_attn_scalar};
    if (arch.square_attention && config.query_size() != config.hidden_size)
        return error{error_code::unsupported,
                     "config: llama.cpp loads ",
                     arch.name,
                     " models only if heads times head_dim (",
                     config.query_size(),
                     " here) is hidden_size (",
                     config.hidden_size,
                     "); no GGUF file can hold this one"};
    if (arch.equal_heads && config.kv_heads() != config.num_attention_heads)
        return error{error_code::unsupported,
                     "config: llama.cpp loads ",
                     arch.name,
                     " models only if num_key_value_heads (",
                     config.kv_heads(),
                     " here) is num_attention_heads (",
                     config.num_attention_heads,
                     "); no GGUF file can hold this one"};
    if (config.attention_cap != 0.0 && arch.name != "gemma2")
        return error{error_code::unsupported, "config: llama.cpp has no attn_logit_softcapping in ", arch.name,
                     " models; no GGUF file can hold this one"};
    constexpr std::size_t normed = 64; // layers of the one Command R that has them
    if (config.qk_norm && arch.name == "command-r" && config.num_hidden_layers < normed)
        return error{error_code::unsupported,
                     "config: llama.cpp knows use_qk_norm of command-r models "
                     "from ",
                     normed, " layers on; no GGUF file can hold this one"};
    return {};
}

/// Some loaders insist on a window.
inline status check_gguf_windows(const model_config& config, const gguf::architecture& arch)
{
    bool any = !arch.needs_window;
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) any = any || config.window_of(layer) != 0;
    if (any) return {};
    return error{error_code::unsupported, "config: llama.cpp loads ", arch.name,
                 " models only if some layers have a sliding_window; no GGUF file can hold this one"};
}

inline status check_gguf_rope(const model_config& config, const gguf::architecture& arch)
{
    if (config.rope.partial_rotary_factor != 1.0 && !arch.takes_partial_rotary)
        return error{error_code::unsupported, "config: llama.cpp turns whole heads in ", arch.name,
                     " models, not a share of ", config.rope.partial_rotary_factor};
    if (config.latent.rank != 0 && !config.latent.pairs)
        return error{error_code::unsupported, "config: llama.cpp turns neighbouring dimensions together in ", arch.name,
                     " models, this one has rope_interleave false; no GGUF file can hold it"};
    if (config.rope.kind == rope_kind::llama3 && !arch.takes_rope_freqs)
        return error{error_code::unsupported, "config: llama.cpp has no llama3 rope scaling for ", arch.name,
                     " models"};
    if (config.rope.kind == rope_kind::longrope && arch.name != "phi3")
        return error{error_code::unsupported, "config: llama.cpp has no longrope for ", arch.name, " models"};
    bool none = arch.name == "granite"; // a key says that no layer turns
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer) none = none && !config.turns(layer);
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        if (config.turns(layer) != gguf_turns(arch, config, layer) && !none)
            return error{error_code::unsupported,
                         "config: llama.cpp turns the heads of layer ",
                         layer,
                         config.turns(layer) ? " not" : "",
                         " in ",
                         arch.name,
                         " models of ",
                         config.num_hidden_layers,
                         " layers, this one does",
                         config.turns(layer) ? "" : " not",
                         "; no GGUF file can hold it"};
    // A factor of its own would reach the sliding layers too, which are not stretched.
    const double factor = attention_factor(config);
    if (arch.window_period != 0 && config.rope.kind == rope_kind::yarn &&
        factor != yarn_magnitude(config.rope.factor, 1.0))
        return error{error_code::unsupported, "config: llama.cpp fixes yarn's attention_factor in ", arch.name,
                     " models; this one has ", factor};
    return {};
}

} // namespace detail

/// Refuses a model that llama.cpp would not load, or compute otherwise at every token.
inline status check_gguf_function(const model_config& config, const gguf::architecture& arch)
{
    AWQ_CHECK(detail::check_gguf_mlp(config, arch));
    AWQ_CHECK(detail::check_gguf_experts(config, arch));
    AWQ_CHECK(detail::check_gguf_attention(config, arch));
    AWQ_CHECK(detail::check_gguf_windows(config, arch));
    AWQ_CHECK(detail::check_gguf_rope(config, arch));
    if (config.scaled_embeddings != gguf_scales_embeddings(arch))
        return error{error_code::unsupported,
                     "config: llama.cpp ",
                     config.scaled_embeddings ? "does not multiply" : "multiplies",
                     " the embeddings of ",
                     arch.name,
                     " models by the root of hidden_size; no GGUF file can hold this one"};
    if (arch.output == gguf::output_rule::forbidden && !config.tie_word_embeddings)
        return error{error_code::unsupported, "config: llama.cpp takes the embeddings for the head of ", arch.name,
                     " models, this one has tie_word_embeddings false; no GGUF file can "
                     "hold it"};
    return {};
}

} // namespace awq

#endif
