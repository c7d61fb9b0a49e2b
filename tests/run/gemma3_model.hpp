// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_RUN_GEMMA3_MODEL_HPP
#define AWQ_TESTS_RUN_GEMMA3_MODEL_HPP

#include "catch.hpp"
#include "io/scratch.hpp"

#include <awq/io/safetensors/writer.hpp>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace test {

using token_ids = std::vector<std::int32_t>;

/// Four blocks of Gemma 3, the third without a window; the weights are random, with columns of very
/// different sizes so that there is something to smooth.
inline std::map<std::string, std::vector<std::uint64_t>> gemma3_shapes()
{
    std::map<std::string, std::vector<std::uint64_t>> shapes{{"model.embed_tokens.weight", {979, 64}},
                                                             {"model.norm.weight", {64}}};
    for (int layer = 0; layer < 4; ++layer) {
        const std::string at = "model.layers." + std::to_string(layer) + ".";
        for (const char* norm :
             {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"})
            shapes[at + norm + ".weight"] = {64};
        for (const char* norm : {"q_norm", "k_norm"}) shapes[at + "self_attn." + norm + ".weight"] = {32};
        shapes[at + "self_attn.q_proj.weight"] = {128, 64};
        shapes[at + "self_attn.k_proj.weight"] = shapes[at + "self_attn.v_proj.weight"] = {32, 64};
        shapes[at + "self_attn.o_proj.weight"] = {64, 128};
        shapes[at + "mlp.gate_proj.weight"] = shapes[at + "mlp.up_proj.weight"] = {128, 64};
        shapes[at + "mlp.down_proj.weight"] = {64, 128};
    }
    return shapes;
}

inline std::vector<float> gemma3_values(const std::string& name, std::size_t count, std::size_t cols,
                                        std::mt19937& random)
{
    std::normal_distribution<float> normal;
    std::vector<float> values(count), sizes(cols, 0.06f);
    const bool norm = name.ends_with("norm.weight");
    if (!norm && name != "model.embed_tokens.weight")
        for (float& size : sizes) size = std::exp(0.8f * normal(random)) / std::sqrt(static_cast<float>(cols));
    for (std::size_t i = 0; i < count; ++i) values[i] = normal(random) * (norm ? 0.2f : sizes[i % cols]);
    return values;
}

constexpr const char* gemma3_config = R"({
  "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": 979,
  "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4,
  "num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": 512, "rms_norm_eps": 1e-06,
  "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 32, "sliding_window": 16,
  "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
  "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "rope_scaling": null,
  "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32"
})";

/// Writes the model in float32, with a tokenizer of Gemma's kind, and gives its directory.
inline std::string write_gemma3(const scratch& room)
{
    const std::string directory = room / "gemma3";
    room.put("gemma3/config.json", gemma3_config);
    std::filesystem::copy_file(AWQ_TEST_DATA "/tokenizers/gemma.json", directory + "/tokenizer.json");
    const auto shapes = gemma3_shapes();
    std::vector<awq::safetensors::tensor_spec> specs;
    for (const auto& [name, shape] : shapes) specs.push_back({name, awq::safetensors::element_type::f32, shape});
    auto file = awq::safetensors::writer::create(directory + "/model.safetensors", specs);
    if (!file) FAIL(file.error().text());
    std::mt19937 random{5};
    for (const auto& [name, shape] : shapes) {
        const auto cols = static_cast<std::size_t>(shape.back());
        const std::size_t rows = shape.size() > 1 ? static_cast<std::size_t>(shape[0]) : 1;
        const std::size_t count = rows * cols;
        REQUIRE(file->write_floats(name, gemma3_values(name, count, cols, random)));
    }
    REQUIRE(file->finish());
    return directory;
}

/// Random texts of 48 tokens, longer than the window.
inline std::vector<token_ids> gemma3_windows(std::size_t count, std::uint32_t seed)
{
    std::mt19937 random{seed};
    std::vector<token_ids> windows(count, token_ids(48));
    for (token_ids& window : windows)
        for (std::int32_t& id : window) id = static_cast<std::int32_t>(random() % 979);
    return windows;
}

/// The same as a calibration file.
inline std::string write_gemma3_samples(const scratch& room)
{
    std::string text;
    for (const token_ids& window : gemma3_windows(24, 11)) {
        text += "{\"input_ids\": [";
        for (const std::int32_t id : window) text += (text.back() == '[' ? "" : ", ") + std::to_string(id);
        text += "]}\n";
    }
    return room.put("samples.jsonl", text);
}

} // namespace test

#endif
