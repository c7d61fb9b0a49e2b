// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/gguf/architecture.hpp>
#include <awq/io/gguf/tensor_names.hpp>

using namespace awq;

TEST_CASE("the layer of a tensor is read from its name")
{
    CHECK(gguf::layer_of("blk.3.attn_q.weight") == 3);
    CHECK(gguf::layer_of("blk.12.ffn_gate_exps.weight") == 12);
    for (const char* name : {"", "blk.", "blk.1", "blk.x.attn_q.weight", "rope_freqs.weight", "blk.1attn_q.weight",
                             "blk.99999999999999999999999.attn_q.weight"})
        CHECK_FALSE(gguf::layer_of(name));
}

TEST_CASE("architectures are found by both of their names")
{
    CHECK(gguf::architecture_of_hf("MistralForCausalLM")->name == "llama");
    CHECK(gguf::architecture_of_hf("Qwen2ForCausalLM")->name == "qwen2");
    CHECK(gguf::architecture_of_hf("OPTForCausalLM") == nullptr);
    CHECK(gguf::find_architecture("opt") == nullptr);
    CHECK(gguf::find_architecture("llama")->pairs);
    CHECK_FALSE(gguf::find_architecture("qwen2")->pairs);
    CHECK(gguf::find_architecture("olmo2")->output == gguf::output_rule::required);
}

TEST_CASE("no two GGUF architectures share a name, neither llama.cpp's nor one of a config")
{
    for (const gguf::architecture& each : gguf::architectures) {
        CHECK(gguf::find_architecture(each.name) == &each);
        for (const auto& name : each.hf_names) CHECK(gguf::architecture_of_hf(name) == &each);
    }
}
