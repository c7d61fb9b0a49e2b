// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_PIPELINE_FAMILY_MODEL_HPP
#define AWQ_TESTS_PIPELINE_FAMILY_MODEL_HPP

#include "pipeline/gemma3_model.hpp"

#include <awq/io/json_reader.hpp>
#include <awq/model/config/read_model_config.hpp>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace test {

/// A config.json: `family` stands between its braces, before the sizes that all have.
inline std::string family_config(const char* family)
{
    return std::string{"{"} + family + R"(, "vocab_size": 979, "hidden_size": 64,
        "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "max_position_embeddings": 512, "torch_dtype": "float32", "eos_token_id": 2})";
}

/// A checkpoint of every tensor that the config asks for, with the weights of `gemma3_values`.
inline std::string write_family(const scratch& room, const char* family)
{
    const std::string directory = room / "model", text = family_config(family);
    room.put("model/config.json", text);
    std::filesystem::copy_file(AWQ_TEST_DATA "/tokenizers/gemma.json", directory + "/tokenizer.json");
    const auto file = awq::json::document::parse(text, "config.json");
    REQUIRE(file);
    const auto config = awq::read_model_config(file->root());
    if (!config) FAIL(config.error().text());
    std::vector<awq::expected_tensor> tensors = awq::expected_outer_tensors(*config);
    for (std::size_t layer = 0; layer < config->num_hidden_layers; ++layer)
        for (awq::expected_tensor each : awq::layout_of(*config, layer).tensors) {
            each.name = config->names.blocks + std::to_string(layer) + "." + each.name;
            tensors.push_back(std::move(each));
        }
    std::erase_if(tensors, [](const auto& each) { return each.is == awq::presence::unwanted; });
    std::vector<awq::safetensors::tensor_spec> specs;
    for (const auto& each : tensors) {
        std::vector<std::uint64_t> shape{each.cols};
        if (each.is_matrix || each.rows > 1) shape.insert(shape.begin(), each.rows);
        specs.push_back({each.name, awq::safetensors::element_type::f32, shape});
    }
    auto out = awq::safetensors::writer::create(directory + "/model.safetensors", specs);
    if (!out) FAIL(out.error().text());
    std::mt19937 random{5};
    for (const auto& each : tensors) {
        auto values = gemma3_values(each.name, each.rows * each.cols, each.cols, random);
        if (each.name.ends_with("norm.weight") && !config->offset_norms)
            for (float& value : values) value += 1.0f;
        REQUIRE(out->write_floats(each.name, values));
    }
    REQUIRE(out->finish());
    return directory;
}

} // namespace test

#endif
