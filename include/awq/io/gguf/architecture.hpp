// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_ARCHITECTURE_HPP
#define AWQ_IO_GGUF_ARCHITECTURE_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>

/// What llama.cpp's loaders take for granted about each architecture. Source: llama.cpp 0.5.0, by
/// loading hand-made files. All of it is data, so that a new architecture is a new row.
namespace awq::gguf {

/// Whether a file has an `output.weight` tensor of its own.
enum class output_rule : unsigned char {
    optional,  ///< written where the checkpoint has an lm_head; else the embedding is used
    required,  ///< a tied checkpoint's embedding is written twice
    forbidden, ///< never written
};

/// What is between the layers of an MLP.
enum class mlp_function : unsigned char { silu, gelu, relu_squared, xielu };

/// How the weights of a token's experts come about.
enum class expert_rule : unsigned char {
    none,       ///< there are no experts
    normalized, ///< they add up to 1; every block has experts
    plain,      ///< as the router says; every block has experts
    by_keys,    ///< keys of the file say so; the first blocks may be dense
    by_step,    ///< as the router says; every so manyth block has experts
};

/// A tensor of a block that has another name than usual, both without ".weight", or both whole.
struct renamed {
    std::string_view usual, name;
};

namespace detail {

inline constexpr std::string_view llama_hf[] = {"LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM",
                                                "HeliumForCausalLM", "MinistralForCausalLM"};
inline constexpr std::string_view apertus_hf[] = {"ApertusForCausalLM"};
inline constexpr std::string_view arcee_hf[] = {"ArceeForCausalLM"};
inline constexpr std::string_view afmoe_hf[] = {"AfmoeForCausalLM"};
inline constexpr std::string_view ernie4_5_moe_hf[] = {"Ernie4_5_MoeForCausalLM"};
inline constexpr std::string_view gpt_oss_hf[] = {"GptOssForCausalLM"};
inline constexpr std::string_view granitemoe_hf[] = {"GraniteMoeForCausalLM"};
inline constexpr std::string_view hunyuan_moe_hf[] = {"HunYuanMoEV1ForCausalLM"};
inline constexpr std::string_view minimax_m2_hf[] = {"MiniMaxM2ForCausalLM"};
inline constexpr std::string_view qwen3vlmoe_hf[] = {"Qwen3VLMoeForConditionalGeneration"};
inline constexpr std::string_view bloom_hf[] = {"BloomForCausalLM"};
inline constexpr std::string_view falcon_hf[] = {"FalconForCausalLM"};
inline constexpr std::string_view gpt2_hf[] = {"GPT2LMHeadModel"};
inline constexpr std::string_view gptneox_hf[] = {"GPTNeoXForCausalLM"};
inline constexpr std::string_view mistral3_hf[] = {"Ministral3ForCausalLM"};
inline constexpr std::string_view mpt_hf[] = {"MptForCausalLM"};
inline constexpr std::string_view phi2_hf[] = {"PhiForCausalLM"};
inline constexpr std::string_view starcoder_hf[] = {"GPTBigCodeForCausalLM"};
inline constexpr std::string_view chatglm_hf[] = {"GlmForCausalLM"};
inline constexpr std::string_view cohere2_hf[] = {"Cohere2ForCausalLM"};
inline constexpr std::string_view cohere2moe_hf[] = {"Cohere2MoeForCausalLM"};
inline constexpr std::string_view command_r_hf[] = {"CohereForCausalLM"};
inline constexpr std::string_view deepseek2_hf[] = {"DeepseekV3ForCausalLM", "DeepseekV2ForCausalLM",
                                                    "Glm4MoeLiteForCausalLM"};
inline constexpr std::string_view dots1_hf[] = {"Dots1ForCausalLM"};
inline constexpr std::string_view ernie4_5_hf[] = {"Ernie4_5ForCausalLM"};
inline constexpr std::string_view exaone4_hf[] = {"Exaone4ForCausalLM"};
inline constexpr std::string_view exaone_moe_hf[] = {"ExaoneMoeForCausalLM"};
inline constexpr std::string_view gemma_hf[] = {"GemmaForCausalLM"};
inline constexpr std::string_view gemma2_hf[] = {"Gemma2ForCausalLM"};
inline constexpr std::string_view gemma3_hf[] = {"Gemma3ForCausalLM"};
inline constexpr std::string_view glm4_hf[] = {"Glm4ForCausalLM"};
inline constexpr std::string_view glm4moe_hf[] = {"Glm4MoeForCausalLM", "SolarOpenForCausalLM"};
inline constexpr std::string_view granite_hf[] = {"GraniteForCausalLM", "GraniteMoeHybridForCausalLM"};
inline constexpr std::string_view hunyuan_hf[] = {"HunYuanDenseV1ForCausalLM"};
inline constexpr std::string_view hy_v3_hf[] = {"HYV3ForCausalLM"};
inline constexpr std::string_view llama4_hf[] = {"Llama4ForCausalLM"};
inline constexpr std::string_view mimo2_hf[] = {"MiMoV2FlashForCausalLM"};
inline constexpr std::string_view mistral4_hf[] = {"Mistral4ForCausalLM"};
inline constexpr std::string_view nemotron_hf[] = {"NemotronForCausalLM"};
inline constexpr std::string_view olmo_hf[] = {"OlmoForCausalLM"};
inline constexpr std::string_view olmo2_hf[] = {"Olmo2ForCausalLM", "Olmo3ForCausalLM"};
inline constexpr std::string_view olmoe_hf[] = {"OlmoeForCausalLM"};
inline constexpr std::string_view phi3_hf[] = {"Phi3ForCausalLM"};
inline constexpr std::string_view qwen2_hf[] = {"Qwen2ForCausalLM"};
inline constexpr std::string_view qwen2moe_hf[] = {"Qwen2MoeForCausalLM"};
inline constexpr std::string_view qwen2vl_hf[] = {"Qwen2VLForConditionalGeneration",
                                                  "Qwen2_5_VLForConditionalGeneration"};
inline constexpr std::string_view qwen3_hf[] = {"Qwen3ForCausalLM"};
inline constexpr std::string_view qwen3moe_hf[] = {"Qwen3MoeForCausalLM"};
inline constexpr std::string_view qwen3vl_hf[] = {"Qwen3VLForConditionalGeneration"};
inline constexpr std::string_view seed_oss_hf[] = {"SeedOssForCausalLM"};
inline constexpr std::string_view smollm3_hf[] = {"SmolLM3ForCausalLM"};
inline constexpr std::string_view stablelm_hf[] = {"StableLmForCausalLM"};
inline constexpr std::string_view starcoder2_hf[] = {"Starcoder2ForCausalLM"};

inline constexpr renamed behind_attention[] = {{"ffn_norm", "post_attention_norm"}};
inline constexpr renamed behind_both[] = {{"attn_post_norm", "post_attention_norm"},
                                          {"ffn_post_norm", "post_ffw_norm"}};
inline constexpr renamed without_suffix[] = {{"exp_probs_b.bias", "exp_probs_b"}};
inline constexpr renamed before_mlp[] = {{"post_attention_norm", "ffn_norm"}};

} // namespace detail

/// One GGUF architecture.
struct architecture {
    std::string_view name;                      ///< `general.architecture`
    std::span<const std::string_view> hf_names; ///< of config.json's `architectures`
    bool pairs = false;                         ///< neighbouring dimensions of a head turn together, else its halves
    bool takes_rope_freqs = false;              ///< accepts rope_freqs.weight (llama3 rope scaling)
    bool takes_partial_rotary = false;          ///< a head may be turned in part
    bool square_attention = false;              ///< heads times head_dim must be the embedding's length
    bool turns = true;                          ///< heads turn at all
    bool takes_fused_mlp = false;               ///< ffn_up holds gate and up
    bool stacks_head_norms = false;             ///< attn_q_norm and attn_k_norm hold a row for each head
    bool equal_heads = false;                   ///< there must be as many key as query heads
    mlp_function mlp = mlp_function::silu;
    bool takes_all_biases = false; ///< attn_output and ffn too; else those of q, k and v only
    expert_rule experts = expert_rule::none;
    output_rule output = output_rule::optional;
    /// Every `window_period`-th layer sees all earlier tokens, the others have a sliding window, where the
    /// file does not say otherwise; 0: files of this architecture know no windows.
    std::size_t window_period = 0;
    bool states_windows = false; ///< the file must say which layers have one
    bool needs_window = false;   ///< there must be such a layer
    std::span<const renamed> renames = {};
};

/// Every architecture that can be written.
inline constexpr architecture architectures[] = {
    {.name = "llama",
     .hf_names = detail::llama_hf,
     .pairs = true,
     .takes_rope_freqs = true,
     .takes_all_biases = true,
     .experts = expert_rule::normalized},
    {.name = "afmoe",
     .hf_names = detail::afmoe_hf,
     .experts = expert_rule::by_keys,
     .window_period = 4,
     .renames = detail::behind_both},
    {.name = "apertus",
     .hf_names = detail::apertus_hf,
     .takes_rope_freqs = true,
     .mlp = mlp_function::xielu,
     .output = output_rule::required},
    {.name = "arcee",
     .hf_names = detail::arcee_hf,
     .pairs = true,
     .takes_rope_freqs = true,
     .mlp = mlp_function::relu_squared},
    {.name = "bloom",
     .hf_names = detail::bloom_hf,
     .turns = false,
     .mlp = mlp_function::gelu,
     .takes_all_biases = true},
    {.name = "chatglm",
     .hf_names = detail::chatglm_hf,
     .pairs = true,
     .takes_partial_rotary = true,
     .takes_fused_mlp = true},
    {.name = "cohere2",
     .hf_names = detail::cohere2_hf,
     .pairs = true,
     .output = output_rule::forbidden,
     .window_period = 4},
    {.name = "cohere2moe",
     .hf_names = detail::cohere2moe_hf,
     .pairs = true,
     .experts = expert_rule::by_keys,
     .window_period = 4,
     .states_windows = true,
     .needs_window = true},
    {.name = "command-r", .hf_names = detail::command_r_hf, .pairs = true, .output = output_rule::forbidden},
    {.name = "deepseek2", .hf_names = detail::deepseek2_hf, .pairs = true, .experts = expert_rule::by_keys},
    {.name = "dots1",
     .hf_names = detail::dots1_hf,
     .equal_heads = true,
     .experts = expert_rule::by_keys,
     .renames = detail::before_mlp},
    {.name = "ernie4_5", .hf_names = detail::ernie4_5_hf, .pairs = true, .takes_all_biases = true},
    {.name = "ernie4_5-moe", .hf_names = detail::ernie4_5_moe_hf, .pairs = true, .experts = expert_rule::by_keys},
    {.name = "exaone4", .hf_names = detail::exaone4_hf, .takes_rope_freqs = true, .window_period = 4},
    {.name = "exaone-moe",
     .hf_names = detail::exaone_moe_hf,
     .takes_rope_freqs = true,
     .experts = expert_rule::by_keys,
     .window_period = 4,
     .needs_window = true},
    {.name = "falcon", .hf_names = detail::falcon_hf, .mlp = mlp_function::gelu},
    {.name = "gemma", .hf_names = detail::gemma_hf, .mlp = mlp_function::gelu, .output = output_rule::forbidden},
    {.name = "gemma2",
     .hf_names = detail::gemma2_hf,
     .mlp = mlp_function::gelu,
     .output = output_rule::forbidden,
     .window_period = 2},
    {.name = "gemma3", .hf_names = detail::gemma3_hf, .mlp = mlp_function::gelu, .window_period = 6},
    {.name = "glm4", .hf_names = detail::glm4_hf, .pairs = true, .takes_partial_rotary = true, .takes_fused_mlp = true},
    {.name = "glm4moe", .hf_names = detail::glm4moe_hf, .takes_partial_rotary = true, .experts = expert_rule::by_keys},
    {.name = "gpt-oss",
     .hf_names = detail::gpt_oss_hf,
     .takes_all_biases = true,
     .experts = expert_rule::normalized,
     .window_period = 2},
    {.name = "gpt2", .hf_names = detail::gpt2_hf, .turns = false, .mlp = mlp_function::gelu, .takes_all_biases = true},
    {.name = "gptneox",
     .hf_names = detail::gptneox_hf,
     .takes_partial_rotary = true,
     .mlp = mlp_function::gelu,
     .takes_all_biases = true},
    {.name = "granite", .hf_names = detail::granite_hf, .pairs = true, .takes_rope_freqs = true},
    {.name = "granitemoe", .hf_names = detail::granitemoe_hf, .pairs = true, .experts = expert_rule::normalized},
    {.name = "hunyuan-dense", .hf_names = detail::hunyuan_hf},
    {.name = "hunyuan-moe", .hf_names = detail::hunyuan_moe_hf, .experts = expert_rule::normalized},
    {.name = "hy_v3", .hf_names = detail::hy_v3_hf, .experts = expert_rule::by_keys, .renames = detail::without_suffix},
    {.name = "llama4", .hf_names = detail::llama4_hf, .pairs = true, .experts = expert_rule::by_step},
    {.name = "mimo2",
     .hf_names = detail::mimo2_hf,
     .takes_partial_rotary = true,
     .experts = expert_rule::by_keys,
     .output = output_rule::required,
     .window_period = 6,
     .states_windows = true,
     .needs_window = true},
    {.name = "minimax-m2",
     .hf_names = detail::minimax_m2_hf,
     .takes_partial_rotary = true,
     .experts = expert_rule::normalized},
    {.name = "mistral3", .hf_names = detail::mistral3_hf, .pairs = true},
    {.name = "mistral4", .hf_names = detail::mistral4_hf, .pairs = true, .experts = expert_rule::by_keys},
    {.name = "mpt", .hf_names = detail::mpt_hf, .turns = false, .mlp = mlp_function::gelu},
    {.name = "nemotron",
     .hf_names = detail::nemotron_hf,
     .takes_partial_rotary = true,
     .mlp = mlp_function::relu_squared,
     .takes_all_biases = true},
    {.name = "olmo", .hf_names = detail::olmo_hf, .pairs = true},
    {.name = "olmo2", .hf_names = detail::olmo2_hf, .output = output_rule::required, .window_period = 4},
    {.name = "olmoe", .hf_names = detail::olmoe_hf, .equal_heads = true, .experts = expert_rule::plain},
    {.name = "phi2",
     .hf_names = detail::phi2_hf,
     .takes_partial_rotary = true,
     .mlp = mlp_function::gelu,
     .takes_all_biases = true},
    {.name = "phi3", .hf_names = detail::phi3_hf, .takes_partial_rotary = true, .takes_fused_mlp = true},
    {.name = "qwen2", .hf_names = detail::qwen2_hf, .square_attention = true},
    {.name = "qwen2moe",
     .hf_names = detail::qwen2moe_hf,
     .experts = expert_rule::plain,
     .output = output_rule::required},
    {.name = "qwen2vl", .hf_names = detail::qwen2vl_hf},
    {.name = "qwen3", .hf_names = detail::qwen3_hf},
    {.name = "qwen3moe", .hf_names = detail::qwen3moe_hf, .experts = expert_rule::normalized},
    {.name = "qwen3vl", .hf_names = detail::qwen3vl_hf},
    {.name = "qwen3vlmoe", .hf_names = detail::qwen3vlmoe_hf, .experts = expert_rule::normalized},
    {.name = "seed_oss", .hf_names = detail::seed_oss_hf, .renames = detail::behind_attention},
    {.name = "smollm3", .hf_names = detail::smollm3_hf, .pairs = true},
    {.name = "stablelm", .hf_names = detail::stablelm_hf, .takes_partial_rotary = true, .stacks_head_norms = true},
    {.name = "starcoder",
     .hf_names = detail::starcoder_hf,
     .turns = false,
     .mlp = mlp_function::gelu,
     .takes_all_biases = true},
    {.name = "starcoder2", .hf_names = detail::starcoder2_hf, .mlp = mlp_function::gelu, .takes_all_biases = true},
};

/// The architecture of a `general.architecture` value, or null.
inline const architecture* find_architecture(std::string_view gguf_name) noexcept
{
    const auto at = std::ranges::find(architectures, gguf_name, &architecture::name);
    return at == std::end(architectures) ? nullptr : at;
}

/// The architecture of a config.json's `architectures[0]`, or null.
inline const architecture* architecture_of_hf(std::string_view hf_name) noexcept
{
    const auto at = std::ranges::find_if(architectures, [hf_name](const architecture& each) {
        return std::ranges::find(each.hf_names, hf_name) != each.hf_names.end();
    });
    return at == std::end(architectures) ? nullptr : at;
}

} // namespace awq::gguf

#endif
