// SPDX-License-Identifier: MIT
#include <awq/model/architectures/registry.hpp>

#include "catch.hpp"

#include <algorithm>

using awq::presence;

namespace {

awq::model_config small(std::string_view model_type)
{
    awq::model_config config = awq::defaults_for(model_type);
    config.hidden_size = 64;
    config.intermediate_size = 96;
    config.vocab_size = 100;
    config.num_attention_heads = 4;
    config.num_key_value_heads = 2;
    config.head_dim = 8;
    return config;
}

const awq::expected_tensor& named(const std::vector<awq::expected_tensor>& all, std::string_view name)
{
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
    if (found == all.end()) FAIL(name);
    return *found;
}

void has_shape(const awq::expected_tensor& tensor, std::size_t rows, std::size_t cols)
{
    INFO(tensor.name);
    CHECK(tensor.rows == rows);
    CHECK(tensor.cols == cols);
}

} // namespace

TEST_CASE("a block's shapes follow from heads, head size and widths")
{
    const auto block = awq::layout_of(small("llama"), 0).tensors;
    has_shape(named(block, "input_layernorm.weight"), 1, 64);
    has_shape(named(block, "self_attn.q_proj.weight"), 32, 64);
    has_shape(named(block, "self_attn.k_proj.weight"), 16, 64);
    has_shape(named(block, "self_attn.v_proj.bias"), 1, 16);
    has_shape(named(block, "self_attn.o_proj.weight"), 64, 32);
    has_shape(named(awq::layout_of(small("qwen3"), 0).tensors, "self_attn.q_norm.weight"), 1, 8);
    has_shape(named(block, "mlp.gate_proj.weight"), 96, 64);
    has_shape(named(block, "mlp.down_proj.weight"), 64, 96);
    CHECK(named(block, "self_attn.k_proj.weight").fields == "num_key_value_heads * head_dim, hidden_size");
    CHECK(named(block, "self_attn.k_proj.bias").fields == "num_key_value_heads * head_dim");
}

TEST_CASE("which tensors a block has depends on the model type and the biases")
{
    const auto is = [](const awq::model_config& config, std::string_view name) {
        return named(awq::layout_of(config, 0).tensors, name).is;
    };
    CHECK(is(small("llama"), "self_attn.q_proj.bias") == presence::unwanted);
    CHECK(is(small("qwen2"), "self_attn.q_proj.bias") == presence::required);
    CHECK(is(small("qwen2"), "self_attn.o_proj.bias") == presence::unwanted);
    CHECK(is(small("qwen3"), "self_attn.k_norm.weight") == presence::required);
    CHECK(is(small("gemma3_text"), "pre_feedforward_layernorm.weight") == presence::required);
    awq::model_config biased = small("llama");
    biased.attention_bias = biased.mlp_bias = true;
    for (const char* name : {"self_attn.o_proj.bias", "mlp.up_proj.bias", "mlp.down_proj.weight"})
        CHECK(is(biased, name) == presence::required);
}

TEST_CASE("embeddings, head and final norm have the vocabulary's rows and the hidden size")
{
    awq::model_config config = small("llama");
    const auto outer = awq::expected_outer_tensors(config);
    has_shape(named(outer, "model.embed_tokens.weight"), 100, 64);
    has_shape(named(outer, "model.norm.weight"), 1, 64);
    has_shape(named(outer, "lm_head.weight"), 100, 64);
    CHECK(named(outer, "lm_head.weight").is == presence::required);
    config.tie_word_embeddings = true;
    CHECK(named(awq::expected_outer_tensors(config), "lm_head.weight").is == presence::optional);
}
