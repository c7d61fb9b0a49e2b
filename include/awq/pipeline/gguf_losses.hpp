// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_GGUF_LOSSES_HPP
#define AWQ_PIPELINE_GGUF_LOSSES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/architecture.hpp>
#include <awq/model/forward/rope.hpp>
#include <awq/model/model_config.hpp>
#include <awq/support/notice.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <string>

/// What llama.cpp 0.5.0 computes otherwise than a config asks for. A model that would be another one
/// from its first token on is refused; what differs on long texts, or by little, is a warning.
namespace awq {

namespace detail {

inline void note_lost_windows(const model_config& config, const gguf::architecture& arch,
                              notice_list& notices)
{
    const std::size_t window = config.sliding_window;
    if (arch.window_period != 0 || window == 0 || window >= config.max_position_embeddings) return;
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

} // namespace detail

/// Warns about what the config asks for and a GGUF file of this architecture cannot hold.
inline void note_gguf_losses(const model_config& config, const gguf::architecture& arch,
                             notice_list& notices)
{
    detail::note_lost_windows(config, arch, notices);
    detail::note_lost_rope(config, notices);
}

/// Refuses a model that llama.cpp would not load, or compute otherwise at every token.
inline status check_gguf_function(const model_config& config, const gguf::architecture& arch)
{
    if (activation_of(config.hidden_act) != (arch.gelu ? activation::gelu_tanh : activation::silu))
        return error{error_code::unsupported, "config: llama.cpp computes ", arch.name,
                     " models with ", arch.gelu ? "GELU" : "SiLU", ", this one has hidden_act \"",
                     config.hidden_act, "\"; no GGUF file can hold it"};
    if (!arch.takes_all_biases && (config.attention_bias || config.mlp_bias))
        return error{error_code::unsupported, "config: llama.cpp loads no ", arch.name,
                     " models with ", config.mlp_bias ? "mlp_bias" : "attention_bias",
                     "; no GGUF file can hold this one"};
    if (arch.square_attention && config.query_size() != config.hidden_size)
        return error{error_code::unsupported, "config: llama.cpp loads ", arch.name,
                     " models only if heads times head_dim (", config.query_size(),
                     " here) is hidden_size (", config.hidden_size,
                     "); no GGUF file can hold this one"};
    if (config.rope.partial_rotary_factor != 1.0)
        return error{error_code::unsupported, "config: llama.cpp turns whole heads in ", arch.name,
                     " models, not a share of ", config.rope.partial_rotary_factor};
    if (config.rope.kind == rope_kind::llama3 && !arch.takes_rope_freqs)
        return error{error_code::unsupported, "config: llama.cpp has no llama3 rope scaling for ",
                     arch.name, " models"};
    // A factor of its own would reach the sliding layers too, which are not stretched.
    const double factor = detail::attention_factor(config);
    if (arch.window_period != 0 && config.rope.kind == rope_kind::yarn &&
        factor != detail::yarn_magnitude(config.rope.factor, 1.0))
        return error{error_code::unsupported, "config: llama.cpp fixes yarn's attention_factor in ",
                     arch.name, " models; this one has ", factor};
    return {};
}

} // namespace awq

#endif
