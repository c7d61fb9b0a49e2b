// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_MODEL_RANDOM_MODEL_HPP
#define AWQ_TESTS_MODEL_RANDOM_MODEL_HPP

#include "test_model.hpp"

#include <cstdint>
#include <string>

// Fills the tensors of `model.shapes` as tests/golden/forward_passes.py does.
inline void draw_weights(test_model& model)
{
    std::uint32_t seed = 1;
    for (const auto& [name, shape] : model.shapes) {
        std::size_t count = 1;
        for (const std::uint64_t extent : shape) count *= static_cast<std::size_t>(extent);
        std::vector<float>& values = model.tensors[name];
        values.resize(count);
        const bool norm = name.find("norm") != std::string::npos;
        for (float& value : values) {
            seed = seed * 1664525u + 1013904223u;
            const float drawn = static_cast<float>(static_cast<std::int32_t>(seed)) * 0x1p-31f;
            value = norm ? 1.0f + 0.5f * drawn : 0.35f * drawn;
        }
    }
}

// The config that forward_passes.py gives to every case.
inline awq::model_config small_config(std::string_view model_type)
{
    awq::model_config config = awq::defaults_for(model_type);
    config.vocab_size = 48;
    config.hidden_size = 32;
    config.intermediate_size = 56;
    config.num_hidden_layers = 3;
    config.num_attention_heads = 4;
    config.num_key_value_heads = 2;
    config.head_dim = 8;
    config.max_position_embeddings = 64;
    config.rms_norm_eps = 1e-5;
    config.sliding_window = 0;
    return config;
}

// The shapes of the linear layers of a block of that config.
inline void add_projections(test_model& model, const std::string& at)
{
    for (const char* name : {"q_proj", "o_proj"}) model.shapes[at + "self_attn." + name + ".weight"] = {32, 32};
    for (const char* name : {"k_proj", "v_proj"}) model.shapes[at + "self_attn." + name + ".weight"] = {16, 32};
    for (const char* name : {"gate_proj", "up_proj"}) model.shapes[at + "mlp." + name + ".weight"] = {56, 32};
    model.shapes[at + "mlp.down_proj.weight"] = {32, 56};
}

// A Llama with weights drawn in that way.
inline test_model random_llama()
{
    test_model model;
    model.config = small_config("llama");
    model.shapes = {{"model.embed_tokens.weight", {48, 32}}, {"model.norm.weight", {32}}, {"lm_head.weight", {48, 32}}};
    for (std::size_t layer = 0; layer < model.config.num_hidden_layers; ++layer) {
        const std::string at = "model.layers." + std::to_string(layer) + ".";
        model.shapes[at + "input_layernorm.weight"] = {32};
        model.shapes[at + "post_attention_layernorm.weight"] = {32};
        add_projections(model, at);
    }
    draw_weights(model);
    return model;
}

#endif
