// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_ARCHITECTURES_REGISTRY_HPP
#define AWQ_MODEL_ARCHITECTURES_REGISTRY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/afmoe.hpp>
#include <awq/model/architectures/apertus.hpp>
#include <awq/model/architectures/bloom.hpp>
#include <awq/model/architectures/cohere.hpp>
#include <awq/model/architectures/cohere2_moe.hpp>
#include <awq/model/architectures/deepseek_v2.hpp>
#include <awq/model/architectures/deepseek_v3.hpp>
#include <awq/model/architectures/ernie4_5_moe.hpp>
#include <awq/model/architectures/exaone4.hpp>
#include <awq/model/architectures/exaone_moe.hpp>
#include <awq/model/architectures/falcon.hpp>
#include <awq/model/architectures/gemma.hpp>
#include <awq/model/architectures/gemma2.hpp>
#include <awq/model/architectures/gemma3.hpp>
#include <awq/model/architectures/glm4.hpp>
#include <awq/model/architectures/glm4_moe.hpp>
#include <awq/model/architectures/gpt2.hpp>
#include <awq/model/architectures/gpt_neox.hpp>
#include <awq/model/architectures/gpt_oss.hpp>
#include <awq/model/architectures/gptj.hpp>
#include <awq/model/architectures/granite.hpp>
#include <awq/model/architectures/granite_moe.hpp>
#include <awq/model/architectures/helium.hpp>
#include <awq/model/architectures/hunyuan_dense.hpp>
#include <awq/model/architectures/hunyuan_moe.hpp>
#include <awq/model/architectures/llama.hpp>
#include <awq/model/architectures/llama4.hpp>
#include <awq/model/architectures/mimo_v2_flash.hpp>
#include <awq/model/architectures/minicpm3.hpp>
#include <awq/model/architectures/minimax_m2.hpp>
#include <awq/model/architectures/ministral3.hpp>
#include <awq/model/architectures/mistral.hpp>
#include <awq/model/architectures/mixtral.hpp>
#include <awq/model/architectures/mpt.hpp>
#include <awq/model/architectures/nanochat.hpp>
#include <awq/model/architectures/nemotron.hpp>
#include <awq/model/architectures/olmo.hpp>
#include <awq/model/architectures/olmo2.hpp>
#include <awq/model/architectures/olmoe.hpp>
#include <awq/model/architectures/opt.hpp>
#include <awq/model/architectures/phi.hpp>
#include <awq/model/architectures/phi3.hpp>
#include <awq/model/architectures/phimoe.hpp>
#include <awq/model/architectures/qwen2.hpp>
#include <awq/model/architectures/qwen2_moe.hpp>
#include <awq/model/architectures/qwen3.hpp>
#include <awq/model/architectures/qwen3_moe.hpp>
#include <awq/model/architectures/seed_oss.hpp>
#include <awq/model/architectures/smollm3.hpp>
#include <awq/model/architectures/stablelm.hpp>
#include <awq/model/architectures/starcoder2.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace awq {

/// A kind of model: what config.json calls it, and its description.
struct AWQ_ABI_TAG architecture {
    std::string_view name;           ///< of `architectures`: "LlamaForCausalLM"
    std::string_view model_type;     ///< "llama"
    void (*defaults)(model_config&); ///< what transformers assumes where config.json is silent
    block_layout (*block)(const model_config&, std::size_t layer);
    /// Fields that only this family has; null: none.
    status (*read)(const json::value& root, model_config&) = nullptr;
    std::string_view width_field = "intermediate_size";
};

/// Every architecture with a forward pass, in alphabetical order.
inline constexpr architecture architectures[] = {
    {"AfmoeForCausalLM", "afmoe", afmoe_defaults, afmoe_block, read_afmoe},
    {"ApertusForCausalLM", "apertus", apertus_defaults, apertus_block},
    {"ArceeForCausalLM", "arcee", arcee_defaults, nemotron_block},
    {"BloomForCausalLM", "bloom", bloom_defaults, bloom_block, read_bloom, "n_inner"},
    {"Cohere2ForCausalLM", "cohere2", cohere2_defaults, cohere_block, read_cohere2},
    {"Cohere2MoeForCausalLM", "cohere2_moe", cohere2_moe_defaults, cohere2_moe_block, read_cohere2_moe},
    {"CohereForCausalLM", "cohere", cohere_defaults, cohere_block, read_cohere},
    {"DeepseekV2ForCausalLM", "deepseek_v2", deepseek_v2_defaults, deepseek_v2_block, read_deepseek_v2},
    {"DeepseekV3ForCausalLM", "deepseek_v3", deepseek_v3_defaults, deepseek_v3_block, read_deepseek_v3},
    {"Dots1ForCausalLM", "dots1", dots1_defaults, glm4_moe_block, read_experts},
    {"Ernie4_5ForCausalLM", "ernie4_5", ernie4_5_defaults, helium_block, read_ernie4_5},
    {"Ernie4_5_MoeForCausalLM", "ernie4_5_moe", ernie4_5_moe_defaults, ernie4_5_moe_block, read_ernie4_5_moe},
    {"Exaone4ForCausalLM", "exaone4", exaone4_defaults, exaone4_block, read_exaone4},
    {"ExaoneMoeForCausalLM", "exaone_moe", exaone_moe_defaults, exaone_moe_block, read_exaone_moe},
    {"FalconForCausalLM", "falcon", falcon_defaults, falcon_block, read_falcon, "ffn_hidden_size"},
    {"GPT2LMHeadModel", "gpt2", gpt2_defaults, gpt2_block, read_gpt2, "n_inner"},
    {"GPTBigCodeForCausalLM", "gpt_bigcode", gpt_bigcode_defaults, gpt2_block, read_gpt_bigcode, "n_inner"},
    {"GPTJForCausalLM", "gptj", gptj_defaults, gptj_block, read_gptj, "n_inner"},
    {"GPTNeoXForCausalLM", "gpt_neox", gpt_neox_defaults, gpt_neox_block, read_gpt_neox},
    {"Gemma2ForCausalLM", "gemma2", gemma2_defaults, gemma2_block},
    {"Gemma3ForCausalLM", "gemma3_text", gemma3_defaults, gemma3_block},
    {"GemmaForCausalLM", "gemma", gemma_defaults, llama_block},
    {"Glm4ForCausalLM", "glm4", glm_defaults, glm4_block, read_glm},
    {"Glm4MoeForCausalLM", "glm4_moe", glm4_moe_defaults, glm4_moe_block, read_glm4_moe},
    {"Glm4MoeLiteForCausalLM", "glm4_moe_lite", glm4_moe_lite_defaults, deepseek_v3_block, read_deepseek_v3},
    {"GlmForCausalLM", "glm", glm_defaults, glm_block, read_glm},
    {"GptOssForCausalLM", "gpt_oss", gpt_oss_defaults, gpt_oss_block, read_gpt_oss},
    {"GraniteForCausalLM", "granite", granite_defaults, llama_block, read_granite},
    {"GraniteMoeForCausalLM", "granitemoe", granite_moe_defaults, granite_moe_block, read_granite_moe},
    {"GraniteMoeHybridForCausalLM", "granitemoehybrid", granite_defaults, granite4_block, read_granite4,
     "shared_intermediate_size"},
    {"HYV3ForCausalLM", "hy_v3", hy_v3_defaults, hy_v3_block, read_experts},
    {"HeliumForCausalLM", "helium", helium_defaults, helium_block},
    {"HunYuanDenseV1ForCausalLM", "hunyuan_v1_dense", hunyuan_dense_defaults, hunyuan_dense_block, read_hunyuan_dense},
    {"HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", hunyuan_moe_defaults, hunyuan_moe_block, read_hunyuan_moe},
    {"Llama4ForCausalLM", "llama4_text", llama4_defaults, llama4_block, read_llama4, "intermediate_size_mlp"},
    {"LlamaForCausalLM", "llama", llama_defaults, llama_block},
    {"MiMoV2FlashForCausalLM", "mimo_v2_flash", mimo_v2_flash_defaults, mimo_v2_flash_block, read_mimo_v2_flash},
    {"MiniCPM3ForCausalLM", "minicpm3", minicpm3_defaults, minicpm3_block, read_minicpm3},
    {"MiniMaxM2ForCausalLM", "minimax_m2", minimax_m2_defaults, minimax_m2_block, read_minimax_m2},
    {"Ministral3ForCausalLM", "ministral3", ministral3_defaults, llama_block, read_ministral3},
    {"MinistralForCausalLM", "ministral", ministral_defaults, llama_block},
    {"Mistral4ForCausalLM", "mistral4", mistral4_defaults, mistral4_block, read_mistral4},
    {"MistralForCausalLM", "mistral", mistral_defaults, llama_block},
    {"MixtralForCausalLM", "mixtral", mixtral_defaults, mixtral_block, read_mixtral},
    {"MptForCausalLM", "mpt", mpt_defaults, mpt_block, read_mpt, "n_inner"},
    {"NanoChatForCausalLM", "nanochat", nanochat_defaults, nanochat_block},
    {"NemotronForCausalLM", "nemotron", nemotron_defaults, nemotron_block},
    {"OPTForCausalLM", "opt", opt_defaults, opt_block, read_opt, "ffn_dim"},
    {"Olmo2ForCausalLM", "olmo2", olmo2_defaults, olmo2_block},
    {"Olmo3ForCausalLM", "olmo3", olmo3_defaults, olmo2_block},
    {"OlmoForCausalLM", "olmo", olmo_defaults, llama_block, read_olmo},
    {"OlmoeForCausalLM", "olmoe", olmoe_defaults, olmoe_block, read_olmoe},
    {"Phi3ForCausalLM", "phi3", phi3_defaults, phi3_block, read_phi3},
    {"PhiForCausalLM", "phi", phi_defaults, phi_block, read_phi},
    {"PhimoeForCausalLM", "phimoe", phimoe_defaults, phimoe_block, read_phimoe},
    {"Qwen2ForCausalLM", "qwen2", qwen2_defaults, llama_block},
    {"Qwen2MoeForCausalLM", "qwen2_moe", qwen2_moe_defaults, qwen2_moe_block, read_qwen2_moe},
    {"Qwen2VLForConditionalGeneration", "qwen2_vl_text", qwen2_defaults, llama_block},
    {"Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl_text", qwen2_defaults, llama_block},
    {"Qwen3ForCausalLM", "qwen3", qwen3_defaults, llama_block},
    {"Qwen3MoeForCausalLM", "qwen3_moe", qwen3_moe_defaults, qwen3_moe_block, read_experts},
    {"Qwen3VLForConditionalGeneration", "qwen3_vl_text", qwen3_defaults, llama_block},
    {"Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe_text", qwen3_vl_moe_defaults, qwen3_moe_block, read_experts},
    {"SeedOssForCausalLM", "seed_oss", seed_oss_defaults, llama_block, read_seed_oss},
    {"SmolLM3ForCausalLM", "smollm3", smollm3_defaults, llama_block, read_smollm3},
    {"SolarOpenForCausalLM", "solar_open", solar_open_defaults, glm4_moe_block, read_solar_open},
    {"StableLmForCausalLM", "stablelm", stablelm_defaults, stablelm_block, read_stablelm},
    {"Starcoder2ForCausalLM", "starcoder2", starcoder2_defaults, starcoder2_block, read_starcoder2},
};

/// Null for a name that is not in the registry.
constexpr const architecture* find_architecture(std::string_view name) noexcept
{
    const auto found = std::ranges::find(architectures, name, &architecture::name);
    return found == std::end(architectures) ? nullptr : &*found;
}

/// The same by `model_type`.
constexpr const architecture* find_model_type(std::string_view type) noexcept
{
    const auto found = std::ranges::find(architectures, type, &architecture::model_type);
    return found == std::end(architectures) ? nullptr : &*found;
}

/// What to say of a name that is not in the registry.
inline error unknown_architecture(std::string_view name)
{
    return error{error_code::unknown_architecture, "architecture \"", name,
                 "\" is not known here (examples/ARCHITECTURES.md lists those that are, "
                 "include/README.md says how to add one); inspect and convert still work"};
}

/// What transformers assumes for an architecture where config.json is silent.
inline model_config defaults_of(const architecture& kind)
{
    model_config config;
    config.architecture = std::string{kind.name};
    config.model_type = std::string{kind.model_type};
    kind.defaults(config);
    return config;
}

/// The same by `model_type`; Llama's for one that is not known.
inline model_config defaults_for(std::string_view model_type)
{
    const architecture* const kind = find_model_type(model_type);
    return defaults_of(kind ? *kind : *find_model_type("llama"));
}

/// Whether a forward pass can be built from the config; the error names field and value.
inline status check(const model_config& config)
{
    if (!find_architecture(config.architecture)) return unknown_architecture(config.architecture);
    return check_fields(config);
}

/// The description of block `layer`; the config is one that `check` has passed.
inline block_layout layout_of(const model_config& config, std::size_t layer)
{
    return find_architecture(config.architecture)->block(config, layer);
}

/// The tensors outside of the decoder blocks: embeddings, final norm, head, and where there are any
/// positions, a norm of the embeddings, the head's bias, and projections.
inline std::vector<expected_tensor> expected_outer_tensors(const model_config& config)
{
    constexpr const char* table = "vocab_size, hidden_size";
    const model_names& names = config.names;
    const norm_rule norm = config.norm();
    const presence head = config.tie_word_embeddings ? presence::optional : presence::required;
    const auto wanted = [](bool is) { return is ? presence::required : presence::unwanted; };
    std::vector<expected_tensor> tensors{{names.embeddings + ".weight",
                                          config.vocab_size,
                                          config.embedding_width(),
                                          table,
                                          presence::required,
                                          {},
                                          true,
                                          "token_embd.weight"},
                                         {names.norm + ".weight", 1, config.hidden_size, "hidden_size",
                                          wanted(norm.has_weight && config.final_norm),
                                          norm.has_weight ? "" : "model_type", false, "output_norm.weight"},
                                         {names.head + ".weight", config.vocab_size, config.embedding_width(), table,
                                          head, "tie_word_embeddings", true, "output.weight"}};
    if (norm.has_bias && config.final_norm)
        tensors.push_back({names.norm + ".bias",
                           1,
                           config.hidden_size,
                           "hidden_size",
                           presence::required,
                           {},
                           false,
                           "output_norm.bias"});
    if (!names.positions.empty())
        tensors.push_back({names.positions + ".weight",
                           config.max_position_embeddings + config.position_offset,
                           config.hidden_size,
                           "max_position_embeddings, hidden_size",
                           presence::required,
                           {},
                           true,
                           "position_embd.weight"});
    const auto vector = [&](const std::string& name, std::size_t size, const char* fields, const char* gguf) {
        tensors.push_back({name, 1, size, fields, presence::required, {}, false, gguf});
    };
    if (!names.embedding_norm.empty())
        vector(names.embedding_norm + ".weight", config.hidden_size, "hidden_size", "token_embd_norm.weight");
    if (!names.embedding_norm.empty() && norm.has_bias)
        vector(names.embedding_norm + ".bias", config.hidden_size, "hidden_size", "token_embd_norm.bias");
    if (config.head_bias) vector(names.head + ".bias", config.vocab_size, "vocab_size", "output.bias");
    constexpr const char* widths = "hidden_size, word_embed_proj_dim";
    if (!names.project_in.empty())
        tensors.push_back({names.project_in + ".weight",
                           config.hidden_size,
                           config.embedding_width(),
                           widths,
                           presence::required,
                           {},
                           true});
    if (!names.project_out.empty())
        tensors.push_back({names.project_out + ".weight",
                           config.embedding_width(),
                           config.hidden_size,
                           widths,
                           presence::required,
                           {},
                           true});
    return tensors;
}

} // namespace awq

#endif
