// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_RUN_FAMILY_MODEL_HPP
#define AWQ_TESTS_RUN_FAMILY_MODEL_HPP

#include "gemma3_model.hpp"
#include "model_runs.hpp"

#include <awq/io/json_reader.hpp>
#include <awq/model/config/read_model_config.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace test {

/// config.json of a small model; `family`: what it has beside the sizes that all have.
inline std::string config_text(const char* family)
{
    return std::string{"{"} + family + R"(, "vocab_size": 979, "hidden_size": 64,
        "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "max_position_embeddings": 512, "torch_dtype": "float32", "eos_token_id": 2})";
}

/// Every tensor that a config asks for, with the weights of `gemma3_values`.
struct family_tensors {
    std::map<std::string, std::vector<float>> values;
    std::map<std::string, std::vector<std::uint64_t>> shapes;

    void add(const awq::expected_tensor& each, const std::string& name, bool is_turned, std::vector<float> made)
    {
        shapes[name] = {each.cols};
        if (each.is_matrix || each.rows > 1) shapes[name].insert(shapes[name].begin(), each.rows);
        if (is_turned) std::ranges::reverse(shapes[name]);
        values[name] = std::move(made);
    }
    /// Puts it into its stack, of a block's `prefix`.
    void stack(const awq::expected_tensor& each, const std::string& prefix, bool is_turned, std::vector<float> made)
    {
        const std::size_t rows = each.is_matrix ? each.rows : each.cols, inputs = each.is_matrix ? each.cols : 1;
        const std::uint64_t slabs = each.stack.slabs, outputs = each.stack.outputs;
        const std::string name = prefix + each.stack.name;
        shapes[name] = {slabs, is_turned ? inputs : outputs, is_turned ? outputs : inputs};
        if (!each.is_matrix) shapes[name] = {slabs, outputs};
        auto& all = values[name];
        all.resize(slabs * outputs * inputs);
        awq::put_into_slab(each.stack, is_turned || !each.is_matrix, {made.data(), rows, inputs},
                           std::span{all}.subspan(each.stack.slab * outputs * inputs, outputs * inputs));
    }
    void write(const std::string& path) const
    {
        std::vector<awq::safetensors::tensor_spec> specs;
        for (const auto& [name, shape] : shapes) specs.push_back({name, awq::safetensors::element_type::f32, shape});
        auto out = awq::safetensors::writer::create(path, specs);
        if (!out) FAIL(out.error().text());
        for (const auto& [name, content] : values) REQUIRE(out->write_floats(name, content));
        REQUIRE(out->finish());
    }
};

/// Writes a model to "model" in the room. `stacks`: how experts are stacked, where the family says
/// that the shape tells; none: they are not.
inline std::string write_family(const scratch& room, const char* family,
                                awq::stack_order stacks = awq::stack_order::none)
{
    const std::string directory = room / "model", text = config_text(family);
    room.put("model/config.json", text);
    std::filesystem::copy_file(AWQ_TEST_DATA "/tokenizers/gemma.json", directory + "/tokenizer.json",
                               std::filesystem::copy_options::overwrite_existing);
    const auto file = awq::json::document::parse(text, "config.json");
    REQUIRE(file);
    const auto config = awq::read_model_config(file->root());
    if (!config) FAIL(config.error().text());
    family_tensors made;
    std::mt19937 random{5};
    const auto draw = [&](const awq::expected_tensor& each, const std::string& name) {
        auto values = gemma3_values(name, each.rows * each.cols, each.cols, random);
        if (name.ends_with("norm.weight") && !config->offset_norms)
            for (float& value : values) value += 1.0f;
        return values;
    };
    for (const awq::expected_tensor& each : awq::expected_outer_tensors(*config))
        if (each.is == awq::presence::required) made.add(each, each.name, false, draw(each, each.name));
    for (std::size_t layer = 0; layer < 2; ++layer)
        for (const awq::expected_tensor& each : awq::layout_of(*config, layer).tensors) {
            const std::string at = config->names.blocks + std::to_string(layer) + ".";
            const bool is_stacked = stacks != awq::stack_order::none && each.stack.order != awq::stack_order::none;
            const auto order = each.stack.order == awq::stack_order::by_shape ? stacks : each.stack.order;
            if (each.is == awq::presence::unwanted) continue;
            if (is_stacked)
                made.stack(each, at, order == awq::stack_order::in_out, draw(each, at + each.name));
            else
                made.add(each, at + each.name, config->transposed_layers, draw(each, at + each.name));
        }
    made.write(directory + "/model.safetensors");
    return directory;
}

inline awq::oneshot_options run_of(const scratch& room, const std::string& model)
{
    awq::oneshot_options options;
    options.model = model;
    samples_of(options).dataset = write_gemma3_samples(room);
    options.output = room / "output";
    options.task = smoothing_for("W4A16_ASYM", 16);
    options.overwrite = true;
    options.smoothing->search.n_grid = 4;
    return options;
}

inline double kl_of(const std::string& model, const std::string& reference)
{
    const auto found = score(model, gemma3_windows(2, 3), {reference, "", 16});
    if (!found) FAIL(found.error().text());
    return found->kl_divergence();
}

} // namespace test

#endif
