// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_LLAMA_LIKE_HPP
#define AWQ_CHECKPOINT_LLAMA_LIKE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/config/read_model_config.hpp>
#include <awq/support/notice.hpp>
#include <awq/support/printable.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

/// A model of a class that is not known, taken for a Llama.
namespace awq {

namespace detail {

/// Fields of config.json that say nothing of what such a model computes, or that are read.
inline bool is_llama_field(std::string_view name) noexcept
{
    constexpr std::string_view known[] = {"architectures",
                                          "model_type",
                                          "vocab_size",
                                          "hidden_size",
                                          "intermediate_size",
                                          "num_hidden_layers",
                                          "num_attention_heads",
                                          "num_key_value_heads",
                                          "head_dim",
                                          "max_position_embeddings",
                                          "rms_norm_eps",
                                          "hidden_act",
                                          "attention_bias",
                                          "mlp_bias",
                                          "tie_word_embeddings",
                                          "rope_theta",
                                          "rope_scaling",
                                          "rope_parameters",
                                          "sliding_window",
                                          "use_sliding_window",
                                          "max_window_layers",
                                          "layer_types",
                                          "torch_dtype",
                                          "dtype",
                                          "transformers_version",
                                          "use_cache",
                                          "initializer_range",
                                          "attention_dropout",
                                          "hidden_dropout",
                                          "pretraining_tp",
                                          "auto_map",
                                          "quantization_config",
                                          "partial_rotary_factor",
                                          "final_logit_softcapping",
                                          "attn_logit_softcapping"};
    return name.ends_with("token_id") || name.starts_with("_") || std::ranges::find(known, name) != std::end(known);
}

/// "scale_emb, scale_depth": what the config says beyond that; empty: nothing.
inline std::string unread_fields(const json::value& root)
{
    constexpr std::size_t most = 6;
    std::string text;
    std::size_t count = 0;
    for (const auto& member : root.members()) {
        if (is_llama_field(member.key) || member.value.is_null() || ++count > most + 1) continue;
        text += (count == 1 ? "" : ", ") + (count <= most ? printable(member.key) : std::string{"..."});
    }
    return text;
}

} // namespace detail

/// The config of a model of an unknown class as a Llama's, or a Qwen 3's where heads have norms.
/// `has(tensor)`: whether the checkpoint has a tensor of that name. Whether its tensors fit is for the
/// caller to check. Errors: those of `read_model_config`.
template <class Has>
result<model_config> read_llama_like(const json::value& root, const Has& has)
{
    AWQ_TRY(model_config config, detail::read_text_config(root, find_architecture("LlamaForCausalLM"), false));
    const std::string first = find_names(config.names, has).blocks + "0.self_attn.";
    config.qk_norm = has(first + "q_norm.weight");
    if (config.qk_norm) config.architecture = "Qwen3ForCausalLM";
    config.qkv_bias = has(first + "q_proj.bias");
    config.attention_bias = config.qkv_bias && has(first + "o_proj.bias");
    if (const auto sound = check(config); !sound) return sound.error().from_file(root.where());
    return config;
}

/// What is assumed of such a model, in one line.
inline notice llama_like_notice(const json::value& root, const model_config& config)
{
    std::string name;
    if (const auto given = detail::first_architecture(root)) name = printable(*given);
    const std::string unread = detail::unread_fields(root);
    return {notice::severity::warning,
            "architecture \"" + name + "\" is not known; its tensors fit a " + (config.qk_norm ? "Qwen 3" : "Llama") +
                ", so RMS norms before attention and MLP, halves of heads that turn together and a gate of " +
                config.hidden_act + " are assumed" +
                (unread.empty() ? "" : ", and these fields of config.json are not looked at: " + unread) +
                "; compare its perplexity by eval with a known one"};
}

} // namespace awq

#endif
