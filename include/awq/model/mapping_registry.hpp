// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_MAPPING_REGISTRY_HPP
#define AWQ_MODEL_MAPPING_REGISTRY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/mapping_pattern.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

// Which layers balance which, for each architecture. The maps are those of llm-compressor, but:
// - every reader of a smoothed norm is balanced (routers and shared experts too), or the model's
//   function would change;
// - blocks of one model may differ (a dense first block, experts afterwards);
// - Olmo2, whose norms follow their sublayers, has no norm mapping; OPT has its own map.

namespace awq {

/// Architectures whose decoder blocks have the same names and the same data flow.
enum class mapping_family : unsigned char {
    llama,
    moe,
    mixtral,
    llama4,
    phi3,
    gemma2,
    gemma3,
    cohere,
    deepseek,
    post_norm,
    opt,
    bloom,
    afmoe,
};

/// What the registry knows of an architecture.
struct architecture_entry {
    std::string_view name; ///< as in config.json's `architectures`
    mapping_family family;
    bool offset_norm = false; ///< norms are x (1 + weight)
};

inline constexpr architecture_entry architecture_entries[] = {
    {"AfmoeForCausalLM", mapping_family::afmoe},
    {"BloomForCausalLM", mapping_family::bloom},
    {"Cohere2ForCausalLM", mapping_family::cohere},
    {"CohereForCausalLM", mapping_family::cohere},
    {"DeepseekV2ForCausalLM", mapping_family::deepseek},
    {"DeepseekV3ForCausalLM", mapping_family::deepseek},
    {"Ernie4_5_MoeForCausalLM", mapping_family::moe},
    {"Exaone4ForCausalLM", mapping_family::post_norm},
    {"Gemma2ForCausalLM", mapping_family::gemma2, true},
    {"Gemma3ForCausalLM", mapping_family::gemma3, true},
    {"Gemma3ForConditionalGeneration", mapping_family::gemma3, true},
    {"GemmaForCausalLM", mapping_family::llama, true},
    {"Glm4MoeForCausalLM", mapping_family::moe},
    {"Glm4MoeLiteForCausalLM", mapping_family::deepseek},
    {"GlmMoeDsaForCausalLM", mapping_family::deepseek},
    {"GraniteForCausalLM", mapping_family::llama},
    {"Llama4ForConditionalGeneration", mapping_family::llama4},
    {"LlamaForCausalLM", mapping_family::llama},
    {"Mistral3ForConditionalGeneration", mapping_family::llama},
    {"MistralForCausalLM", mapping_family::llama},
    {"MixtralForCausalLM", mapping_family::mixtral},
    {"NanbeigeForCausalLM", mapping_family::llama},
    {"OPTForCausalLM", mapping_family::opt},
    {"Olmo2ForCausalLM", mapping_family::post_norm},
    {"Olmo3ForCausalLM", mapping_family::post_norm},
    {"OlmoForCausalLM", mapping_family::post_norm},
    {"Phi3ForCausalLM", mapping_family::phi3},
    {"Phi3VForCausalLM", mapping_family::phi3},
    {"Qwen2ForCausalLM", mapping_family::llama},
    {"Qwen2MoeForCausalLM", mapping_family::moe},
    {"Qwen2_5_VLForConditionalGeneration", mapping_family::llama},
    {"Qwen3ForCausalLM", mapping_family::llama},
    {"Qwen3MoeForCausalLM", mapping_family::moe},
    {"SeedOssForCausalLM", mapping_family::llama},
};

/// Null for an architecture that is not in the registry.
constexpr const architecture_entry* find_architecture(std::string_view name) noexcept
{
    const auto found = std::ranges::find(architecture_entries, name, &architecture_entry::name);
    return found == std::end(architecture_entries) ? nullptr : &*found;
}

namespace detail {

inline mapping_pattern qkv_mapping()
{
    return {"input_layernorm", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}};
}
inline mapping_pattern output_mapping() { return {"self_attn.v_proj", {"self_attn.o_proj"}}; }
inline mapping_pattern gate_up_mapping(std::string norm)
{
    return {std::move(norm), {"mlp.gate_proj", "mlp.up_proj"}};
}
inline mapping_pattern down_mapping() { return {"mlp.up_proj", {"mlp.down_proj"}}; }

/// The readers of the norm before an MLP that is dense in some blocks and of experts in others.
inline mapping_pattern experts_mapping(std::string norm)
{
    return {std::move(norm),
            {},
            {"mlp.gate", "mlp.router", "mlp.experts.*.gate_proj", "mlp.experts.*.up_proj",
             "mlp.shared_expert_gate", "mlp.shared_expert.gate_proj", "mlp.shared_expert.up_proj",
             "mlp.shared_experts.gate_proj", "mlp.shared_experts.up_proj", "mlp.gate_proj",
             "mlp.up_proj"}};
}

/// The up_proj -> down_proj mappings of such an MLP; a block has some of them.
inline void append_expert_downs(std::vector<mapping_pattern>& mappings)
{
    mappings.push_back({"mlp.experts.*.up_proj", {"mlp.experts.*.down_proj"}});
    mappings.push_back({"mlp.shared_expert.up_proj", {"mlp.shared_expert.down_proj"}});
    mappings.push_back({"mlp.shared_experts.up_proj", {"mlp.shared_experts.down_proj"}});
    mappings.push_back(down_mapping());
}

inline std::vector<mapping_pattern> moe_mappings()
{
    std::vector<mapping_pattern> mappings{qkv_mapping(), output_mapping(),
                                          experts_mapping("post_attention_layernorm")};
    append_expert_downs(mappings);
    return mappings;
}

inline std::vector<mapping_pattern> deepseek_mappings()
{
    // Query and key/value are compressed to a few channels, normed, and expanded again. Where the
    // query is not compressed there is a q_proj instead of the q_a_proj.
    std::vector<mapping_pattern> mappings{
        {"input_layernorm",
         {"self_attn.kv_a_proj_with_mqa"},
         {"self_attn.q_proj", "self_attn.q_a_proj"}},
        {"self_attn.q_a_layernorm", {"self_attn.q_b_proj"}},
        {"self_attn.kv_a_layernorm", {"self_attn.kv_b_proj"}},
        experts_mapping("post_attention_layernorm")};
    append_expert_downs(mappings);
    return mappings;
}

inline std::vector<mapping_pattern> afmoe_mappings()
{
    mapping_pattern attention = qkv_mapping();
    attention.balance_layers.push_back("self_attn.gate_proj");
    mapping_pattern experts = experts_mapping("pre_mlp_layernorm");
    experts.optional_layers.push_back("mlp.router.gate");
    std::vector<mapping_pattern> mappings{attention, output_mapping(), experts};
    append_expert_downs(mappings);
    return mappings;
}

inline std::vector<mapping_pattern> llama4_mappings()
{
    const std::string ff = "feed_forward.";
    return {qkv_mapping(),
            output_mapping(),
            {"post_attention_layernorm",
             {},
             {ff + "router", ff + "experts.*.gate_proj", ff + "experts.*.up_proj",
              ff + "shared_expert.gate_proj", ff + "shared_expert.up_proj", ff + "gate_proj",
              ff + "up_proj"}},
            {ff + "experts.*.up_proj", {ff + "experts.*.down_proj"}},
            {ff + "shared_expert.up_proj", {ff + "shared_expert.down_proj"}},
            {ff + "up_proj", {ff + "down_proj"}}};
}

inline std::vector<mapping_pattern> mixtral_mappings()
{
    const std::string moe = "block_sparse_moe.";
    return {qkv_mapping(),
            output_mapping(),
            {"post_attention_layernorm",
             {moe + "gate", moe + "experts.*.w1", moe + "experts.*.w3"}},
            {moe + "experts.*.w3", {moe + "experts.*.w2"}}};
}

} // namespace detail

/// The mappings of a family, in the order in which they are searched.
inline std::vector<mapping_pattern> mappings_of(mapping_family family)
{
    using namespace detail;
    switch (family) {
    case mapping_family::moe: return moe_mappings();
    case mapping_family::mixtral: return mixtral_mappings();
    case mapping_family::llama4: return llama4_mappings();
    case mapping_family::phi3:
        return {{"input_layernorm", {"self_attn.qkv_proj"}},
                {"self_attn.qkv_proj", {"self_attn.o_proj"}},
                {"post_attention_layernorm", {"mlp.gate_up_proj"}},
                {"mlp.gate_up_proj", {"mlp.down_proj"}}};
    case mapping_family::gemma2:
        return {qkv_mapping(), output_mapping(), gate_up_mapping("pre_feedforward_layernorm"),
                down_mapping()};
    case mapping_family::gemma3: // its norms of queries and keys make smoothing before them harmful
        return {output_mapping(), gate_up_mapping("pre_feedforward_layernorm"), down_mapping()};
    case mapping_family::cohere: // attention and MLP side by side, behind one norm
        return {{"input_layernorm",
                 {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj",
                  "mlp.up_proj"}},
                output_mapping(),
                down_mapping()};
    case mapping_family::deepseek: return deepseek_mappings();
    case mapping_family::post_norm: return {output_mapping(), down_mapping()};
    case mapping_family::opt: // fc1 -> fc2 holds because relu(x / s) = relu(x) / s
        return {{"self_attn_layer_norm",
                 {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}},
                {"self_attn.v_proj", {"self_attn.out_proj"}},
                {"final_layer_norm", {"fc1"}},
                {"fc1", {"fc2"}}};
    case mapping_family::bloom:
        return {{"input_layernorm", {"self_attention.query_key_value"}},
                {"post_attention_layernorm", {"mlp.dense_h_to_4h"}}};
    case mapping_family::afmoe: return afmoe_mappings();
    case mapping_family::llama: break;
    }
    return {qkv_mapping(), output_mapping(), gate_up_mapping("post_attention_layernorm"),
            down_mapping()};
}

/// The mappings of an architecture ("LlamaForCausalLM"); `unknown_architecture` naming the known
/// ones if the registry does not have it.
inline result<std::vector<mapping_pattern>> mappings_of(std::string_view architecture)
{
    if (const architecture_entry* entry = find_architecture(architecture))
        return mappings_of(entry->family);
    std::string known;
    for (const architecture_entry& entry : architecture_entries)
        known.append(known.empty() ? "" : ", ").append(entry.name);
    return error{error_code::unknown_architecture, "there are no mappings for \"", architecture,
                 "\"; give them in a recipe. Known are ", known};
}

} // namespace awq

#endif
