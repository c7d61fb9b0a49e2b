// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/gguf/tensor_names.hpp>

#include <string>
#include <string_view>

using namespace awq;

namespace {

std::string gguf_name(std::string_view arch, std::string_view hf)
{
    const auto place = gguf::to_gguf(*gguf::find_architecture(arch), hf);
    if (!place) return "none";
    return place->expert ? place->name + "#" + std::to_string(*place->expert) : place->name;
}

std::string hf_name(std::string_view arch, std::string_view gguf)
{
    return gguf::to_hf(*gguf::find_architecture(arch), gguf).value_or("none");
}

} // namespace

TEST_CASE("llama tensors have the same places both ways")
{
    const char* pairs[][2] = {
        {"model.embed_tokens.weight", "token_embd.weight"},
        {"model.norm.weight", "output_norm.weight"},
        {"lm_head.weight", "output.weight"},
        {"model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight"},
        {"model.layers.12.self_attn.q_proj.weight", "blk.12.attn_q.weight"},
        {"model.layers.12.self_attn.k_proj.bias", "blk.12.attn_k.bias"},
        {"model.layers.3.self_attn.v_proj.weight", "blk.3.attn_v.weight"},
        {"model.layers.3.self_attn.o_proj.weight", "blk.3.attn_output.weight"},
        {"model.layers.3.post_attention_layernorm.weight", "blk.3.ffn_norm.weight"},
        {"model.layers.3.mlp.gate_proj.weight", "blk.3.ffn_gate.weight"},
        {"model.layers.3.mlp.up_proj.weight", "blk.3.ffn_up.weight"},
        {"model.layers.3.mlp.down_proj.weight", "blk.3.ffn_down.weight"},
    };
    for (const auto& [hf, gguf] : pairs) {
        CHECK(gguf_name("llama", hf) == gguf);
        CHECK(hf_name("llama", gguf) == hf);
        CHECK(gguf_name("qwen3", hf) == gguf);
    }
}

TEST_CASE("each architecture has its own norms and projections")
{
    CHECK(gguf_name("qwen3", "model.layers.1.self_attn.q_norm.weight") ==
          "blk.1.attn_q_norm.weight");
    CHECK(gguf_name("llama", "model.layers.1.self_attn.q_norm.weight") == "none");
    CHECK(gguf_name("gemma2", "model.layers.1.post_attention_layernorm.weight") ==
          "blk.1.post_attention_norm.weight");
    CHECK(gguf_name("gemma2", "model.layers.1.pre_feedforward_layernorm.weight") ==
          "blk.1.ffn_norm.weight");
    CHECK(gguf_name("phi3", "model.layers.1.mlp.gate_up_proj.weight") == "blk.1.ffn_up.weight");
    CHECK(hf_name("phi3", "blk.1.ffn_up.weight") == "model.layers.1.mlp.gate_up_proj.weight");
    CHECK(gguf_name("bloom", "transformer.h.1.self_attention.dense.bias") ==
          "blk.1.attn_output.bias");
    CHECK(gguf_name("deepseek2", "model.layers.4.mlp.gate.e_score_correction_bias") ==
          "blk.4.exp_probs_b.bias");
    CHECK(hf_name("deepseek2", "blk.4.exp_probs_b.bias") ==
          "model.layers.4.mlp.gate.e_score_correction_bias");
}

TEST_CASE("experts share one tensor")
{
    CHECK(gguf_name("llama", "model.layers.2.block_sparse_moe.experts.5.w2.weight") ==
          "blk.2.ffn_down_exps.weight#5");
    CHECK(gguf_name("qwen3moe", "model.layers.2.mlp.experts.17.up_proj.weight") ==
          "blk.2.ffn_up_exps.weight#17");
    CHECK(gguf_name("qwen3moe", "model.layers.2.mlp.experts.down_proj.weight") ==
          "blk.2.ffn_down_exps.weight");
    CHECK(hf_name("llama", "blk.2.ffn_gate_inp.weight") ==
          "model.layers.2.block_sparse_moe.gate.weight");
    CHECK(hf_name("qwen2moe", "blk.2.ffn_gate_inp_shexp.weight") ==
          "model.layers.2.mlp.shared_expert_gate.weight");
}

TEST_CASE("wrappers are passed over, strangers are not named")
{
    CHECK(gguf_name("gemma3", "language_model.model.layers.1.mlp.up_proj.weight") ==
          "blk.1.ffn_up.weight");
    CHECK(gguf_name("gemma3", "model.language_model.embed_tokens.weight") == "token_embd.weight");
    for (const char* name :
         {"", "lm_head", "model.layers.", "model.layers.x.mlp.up_proj.weight", "model.layers.1",
          "model.layers.1.mlp.up_proj", "model.layers.99999999999999999999999.mlp.up_proj.weight",
          "model.layers.1mlp.up_proj.weight", "model.layers.1.nothing.weight"})
        CHECK(gguf_name("llama", name) == "none");
    for (const char* name :
         {"", "blk.", "blk.1", "blk.1.", "blk.x.attn_q.weight", "rope_freqs.weight"})
        CHECK(hf_name("llama", name) == "none");
    CHECK(gguf::is_left_out("model.layers.0.self_attn.rotary_emb.inv_freq"));
    CHECK(gguf::is_left_out("vision_tower.blocks.0.weight"));
    CHECK_FALSE(gguf::is_left_out("model.layers.0.self_attn.q_proj.weight"));
}

TEST_CASE("architectures are found by both of their names")
{
    CHECK(gguf::architecture_of_hf("MistralForCausalLM")->name == "llama");
    CHECK(gguf::architecture_of_hf("Qwen2ForCausalLM")->name == "qwen2");
    CHECK(gguf::architecture_of_hf("OPTForCausalLM") == nullptr);
    CHECK(gguf::find_architecture("opt") == nullptr);
    CHECK(gguf::find_architecture("llama")->interleaves_rotary);
    CHECK_FALSE(gguf::find_architecture("qwen2")->interleaves_rotary);
    CHECK(gguf::find_architecture("olmo2")->output == gguf::output_rule::required);
}
