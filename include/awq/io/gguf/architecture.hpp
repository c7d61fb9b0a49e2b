// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_ARCHITECTURE_HPP
#define AWQ_IO_GGUF_ARCHITECTURE_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string_view>

/// What llama.cpp's loaders take for granted about each architecture. Source: llama.cpp 0.5.0, by
/// loading hand-made files. All of it is data, so that a new architecture is a new row.
namespace awq::gguf {

/// The Hugging Face name of a tensor and its GGUF name, both without ".weight" or ".bias".
struct name_pair {
    std::string_view hf;
    std::string_view gguf;
};

/// Whether a file has an `output.weight` tensor of its own.
enum class output_rule : unsigned char {
    optional,  ///< written where the checkpoint has an lm_head; else the embedding is used
    required,  ///< a tied checkpoint's embedding is written twice
    forbidden, ///< never written
};

/// One GGUF architecture.
struct architecture {
    std::string_view name;                      ///< `general.architecture`
    std::span<const std::string_view> hf_names; ///< `architectures[0]` of config.json
    std::string_view hf_layer;                  ///< what stands before the layer number
    std::span<const name_pair> globals;         ///< tensors outside the layers, whole stems
    std::span<const name_pair> layers;          ///< tensors of a layer, stems after "<layer><n>."
    bool interleaves_rotary = false; ///< rows of q and k are stored as pairs (see permute.hpp)
    bool adds_one_to_norms = false;  ///< norm weights are stored as 1 + w
    bool takes_rope_freqs = false;   ///< accepts rope_freqs.weight (llama3 rope scaling)
    bool takes_all_biases = false;   ///< attn_output and ffn too; else those of q, k and v only
    bool square_attention = false;   ///< heads times head_dim must be the embedding's length
    bool gelu = false;               ///< the MLP's activation; else SiLU
    output_rule output = output_rule::optional;
    /// Every so manyth layer sees all earlier tokens, the others have a sliding window, where the
    /// file does not say otherwise; 0: files of this architecture know no windows.
    std::size_t window_period = 0;
};

namespace detail {

inline constexpr name_pair llama_globals[] = {
    {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
};

inline constexpr name_pair llama_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"block_sparse_moe.gate", "ffn_gate_inp"},
    {"block_sparse_moe.experts.w1", "ffn_gate_exps"}, // a checkpoint's name has the expert's number
    {"block_sparse_moe.experts.w3", "ffn_up_exps"},
    {"block_sparse_moe.experts.w2", "ffn_down_exps"},
};

inline constexpr name_pair granitemoe_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"post_attention_layernorm", "ffn_norm"},
    {"block_sparse_moe.router.layer", "ffn_gate_inp"},
    {"block_sparse_moe.output_linear", "ffn_down_exps"}, // input_linear is split by the caller
};

inline constexpr name_pair qwen_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.experts.gate_proj", "ffn_gate_exps"},
    {"mlp.experts.up_proj", "ffn_up_exps"},
    {"mlp.experts.down_proj", "ffn_down_exps"},
    {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"},
    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_expert.up_proj", "ffn_up_shexp"},
    {"mlp.shared_expert.down_proj", "ffn_down_shexp"},
};

inline constexpr name_pair phi3_layers[] = {
    {"input_layernorm", "attn_norm"},    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.o_proj", "attn_output"}, {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_up_proj", "ffn_up"},      {"mlp.down_proj", "ffn_down"},
};

inline constexpr name_pair command_r_layers[] = {
    {"input_layernorm", "attn_norm"},    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"}, {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"}, {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"},
};

// The norms of these stand behind attention and feed-forward as well as, or instead of, before.
inline constexpr name_pair sandwich_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "post_attention_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
};

inline constexpr name_pair glm4_layers[] = {
    {"input_layernorm", "attn_norm"},         {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},           {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},      {"post_self_attn_layernorm", "post_attention_norm"},
    {"post_attention_layernorm", "ffn_norm"}, {"post_mlp_layernorm", "post_ffw_norm"},
    {"mlp.gate_up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"},
};

inline constexpr name_pair deepseek2_layers[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.q_a_proj", "attn_q_a"},
    {"self_attn.q_a_layernorm", "attn_q_a_norm"},
    {"self_attn.q_b_proj", "attn_q_b"},
    {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
    {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
    {"self_attn.o_proj", "attn_output"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
    {"mlp.experts.gate_proj", "ffn_gate_exps"},
    {"mlp.experts.up_proj", "ffn_up_exps"},
    {"mlp.experts.down_proj", "ffn_down_exps"},
    {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
    {"mlp.shared_experts.down_proj", "ffn_down_shexp"},
};

inline constexpr name_pair bloom_globals[] = {
    {"transformer.word_embeddings", "token_embd"},
    {"transformer.word_embeddings_layernorm", "token_embd_norm"},
    {"transformer.ln_f", "output_norm"},
    {"lm_head", "output"},
};

inline constexpr name_pair bloom_layers[] = {
    {"input_layernorm", "attn_norm"},        {"self_attention.query_key_value", "attn_qkv"},
    {"self_attention.dense", "attn_output"}, {"post_attention_layernorm", "ffn_norm"},
    {"mlp.dense_h_to_4h", "ffn_up"},         {"mlp.dense_4h_to_h", "ffn_down"},
};

inline constexpr std::string_view llama_hf[] = {"LlamaForCausalLM", "MistralForCausalLM",
                                                "MixtralForCausalLM"};
inline constexpr std::string_view mistral3_hf[] = {"Mistral3ForConditionalGeneration",
                                                   "Ministral3ForCausalLM"};
inline constexpr std::string_view smollm3_hf[] = {"SmolLM3ForCausalLM"};
inline constexpr std::string_view qwen2_hf[] = {"Qwen2ForCausalLM"};
inline constexpr std::string_view qwen3_hf[] = {"Qwen3ForCausalLM"};
inline constexpr std::string_view qwen2moe_hf[] = {"Qwen2MoeForCausalLM"};
inline constexpr std::string_view qwen3moe_hf[] = {"Qwen3MoeForCausalLM"};
inline constexpr std::string_view phi3_hf[] = {"Phi3ForCausalLM"};
inline constexpr std::string_view gemma2_hf[] = {"Gemma2ForCausalLM"};
inline constexpr std::string_view gemma3_hf[] = {"Gemma3ForCausalLM",
                                                 "Gemma3ForConditionalGeneration"};
inline constexpr std::string_view bloom_hf[] = {"BloomForCausalLM", "BloomModel"};
inline constexpr std::string_view command_r_hf[] = {"CohereForCausalLM"};
inline constexpr std::string_view cohere2_hf[] = {"Cohere2ForCausalLM"};
inline constexpr std::string_view deepseek2_hf[] = {"DeepseekV2ForCausalLM",
                                                    "DeepseekV3ForCausalLM"};
inline constexpr std::string_view olmo2_hf[] = {"Olmo2ForCausalLM", "Olmo3ForCausalLM"};
inline constexpr std::string_view granite_hf[] = {"GraniteForCausalLM"};
inline constexpr std::string_view granitemoe_hf[] = {"GraniteMoeForCausalLM",
                                                     "GraniteMoeSharedForCausalLM"};
inline constexpr std::string_view exaone4_hf[] = {"Exaone4ForCausalLM"};
inline constexpr std::string_view glm4_hf[] = {"Glm4ForCausalLM"};

inline constexpr std::string_view model_layers = "model.layers.";

} // namespace detail

/// Every architecture that the tables know.
inline constexpr architecture architectures[] = {
    {.name = "llama",
     .hf_names = detail::llama_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::llama_layers,
     .interleaves_rotary = true,
     .takes_rope_freqs = true,
     .takes_all_biases = true},
    {.name = "mistral3",
     .hf_names = detail::mistral3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::llama_layers,
     .interleaves_rotary = true},
    {.name = "smollm3",
     .hf_names = detail::smollm3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::llama_layers,
     .interleaves_rotary = true},
    {.name = "qwen2",
     .hf_names = detail::qwen2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::qwen_layers,
     .square_attention = true},
    {.name = "qwen3",
     .hf_names = detail::qwen3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::qwen_layers},
    {.name = "qwen2moe",
     .hf_names = detail::qwen2moe_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::qwen_layers,
     .output = output_rule::required},
    {.name = "qwen3moe",
     .hf_names = detail::qwen3moe_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::qwen_layers},
    {.name = "phi3",
     .hf_names = detail::phi3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::phi3_layers},
    {.name = "gemma2",
     .hf_names = detail::gemma2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::sandwich_layers,
     .adds_one_to_norms = true,
     .gelu = true,
     .output = output_rule::forbidden,
     .window_period = 2},
    {.name = "gemma3",
     .hf_names = detail::gemma3_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::sandwich_layers,
     .adds_one_to_norms = true,
     .gelu = true,
     .window_period = 6},
    {.name = "bloom",
     .hf_names = detail::bloom_hf,
     .hf_layer = "transformer.h.",
     .globals = detail::bloom_globals,
     .layers = detail::bloom_layers,
     .takes_all_biases = true,
     .gelu = true},
    {.name = "command-r",
     .hf_names = detail::command_r_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::command_r_layers,
     .output = output_rule::forbidden},
    {.name = "cohere2",
     .hf_names = detail::cohere2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::command_r_layers,
     .output = output_rule::forbidden},
    {.name = "deepseek2",
     .hf_names = detail::deepseek2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::deepseek2_layers},
    {.name = "olmo2",
     .hf_names = detail::olmo2_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::sandwich_layers,
     .output = output_rule::required},
    {.name = "granite",
     .hf_names = detail::granite_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::llama_layers,
     .interleaves_rotary = true,
     .takes_rope_freqs = true},
    {.name = "granitemoe",
     .hf_names = detail::granitemoe_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::granitemoe_layers,
     .interleaves_rotary = true},
    {.name = "exaone4",
     .hf_names = detail::exaone4_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::sandwich_layers,
     .takes_rope_freqs = true},
    {.name = "glm4",
     .hf_names = detail::glm4_hf,
     .hf_layer = detail::model_layers,
     .globals = detail::llama_globals,
     .layers = detail::glm4_layers},
};

/// The architecture of a `general.architecture` value, or null.
inline const architecture* find_architecture(std::string_view gguf_name) noexcept
{
    const auto at = std::find_if(std::begin(architectures), std::end(architectures),
                                 [gguf_name](const auto& each) { return each.name == gguf_name; });
    return at == std::end(architectures) ? nullptr : at;
}

/// The architecture of a config.json's `architectures[0]`, or null.
inline const architecture* architecture_of_hf(std::string_view hf_name) noexcept
{
    const auto knows = [hf_name](const architecture& each) {
        return std::find(each.hf_names.begin(), each.hf_names.end(), hf_name) !=
               each.hf_names.end();
    };
    const auto at = std::find_if(std::begin(architectures), std::end(architectures), knows);
    return at == std::end(architectures) ? nullptr : at;
}

} // namespace awq::gguf

#endif
