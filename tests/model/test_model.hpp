// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_MODEL_TEST_MODEL_HPP
#define AWQ_TESTS_MODEL_TEST_MODEL_HPP

#include <awq/io/json_reader.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/model/causal_lm.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

// A whole model in memory, as float32, for tests.
struct test_model {
    awq::model_config config;
    std::map<std::string, std::vector<float>> tensors;
    std::map<std::string, std::vector<std::uint64_t>> shapes;
    mutable std::map<std::string, std::vector<float>> turned; // see `transposed`

    std::span<const float> vector(const std::string& name) const
    {
        const auto found = tensors.find(name);
        return found == tensors.end() ? std::span<const float>{} : std::span{found->second};
    }
    // As the file has it, a vector as one row; empty where there is none.
    awq::matrix_view<const float> tensor(const std::string& name) const
    {
        const auto found = shapes.find(name);
        if (found == shapes.end()) return {};
        const std::size_t cols = static_cast<std::size_t>(found->second.back());
        const auto& values = tensors.at(name);
        if (found->second.size() == 2 && config.transposed_layers && name.starts_with(config.names.blocks))
            return transposed(name, {values.data(), values.size() / cols, cols});
        return {values.data(), values.size() / cols, cols};
    }
    // A matrix turned once; what a test changes in it stays.
    awq::matrix_view<const float> transposed(const std::string& name, awq::matrix_view<const float> from) const
    {
        auto& values = turned[name];
        if (values.empty())
            for (std::size_t c = 0; c < from.cols(); ++c)
                for (std::size_t r = 0; r < from.rows(); ++r) values.push_back(from(r, c));
        return {values.data(), from.cols(), from.rows()};
    }
    awq::block_weights block(std::size_t layer) const
    {
        awq::block_weights made{std::make_shared<const awq::block_layout>(awq::layout_of(config, layer)), {}};
        const std::string at = config.names.blocks + std::to_string(layer) + ".";
        for (const awq::expected_tensor& each : made.layout->tensors) made.tensors.push_back(tensor(at + each.name));
        return made;
    }
    awq::causal_lm_weights weights() const
    {
        const awq::model_names& names = config.names;
        awq::causal_lm_weights made;
        awq::outer_weights& outer = made.outer;
        outer.embed_tokens = tensor(names.embeddings + ".weight");
        outer.norm = {vector(names.norm + ".weight"), vector(names.norm + ".bias"), config.norm()};
        outer.lm_head = tensor(names.head + ".weight");
        if (config.tie_word_embeddings) outer.lm_head = outer.embed_tokens;
        outer.positions = tensor(names.positions + ".weight");
        outer.embedding_norm = {vector(names.embedding_norm + ".weight"), vector(names.embedding_norm + ".bias"),
                                config.norm()};
        outer.head_bias = vector(names.head + ".bias");
        outer.project_in = tensor(names.project_in + ".weight");
        outer.project_out = tensor(names.project_out + ".weight");
        for (std::size_t i = 0; i < config.num_hidden_layers; ++i) made.layers.push_back(block(i));
        return made;
    }
};

// Gives every expert tensors of its own, where the shapes are those of a checkpoint that stacks them.
inline void unstack_experts(test_model& model)
{
    for (std::size_t layer = 0; layer < model.config.num_hidden_layers; ++layer) {
        const std::string at = model.config.names.blocks + std::to_string(layer) + ".";
        for (const awq::expected_tensor& each : awq::layout_of(model.config, layer).tensors) {
            const auto stack = model.shapes.find(at + each.stack.name);
            if (each.stack.order == awq::stack_order::none || stack == model.shapes.end()) continue;
            const std::size_t rows = each.is_matrix ? each.rows : each.cols;
            const std::size_t inputs = each.is_matrix ? each.cols : 1, size = each.stack.outputs * inputs;
            std::vector<float> own(rows * inputs);
            const bool is_turned = !each.is_matrix || stack->second.back() != inputs;
            awq::take_from_slab(each.stack, is_turned,
                                std::span{model.tensors.at(stack->first)}.subspan(each.stack.slab * size, size),
                                {own.data(), rows, inputs});
            model.shapes[at + each.name] = {each.rows, each.cols};
            model.tensors[at + each.name] = std::move(own);
        }
    }
}

inline awq::result<test_model> load_test_model(const std::string& directory)
{
    AWQ_TRY(const auto files, awq::safetensors::checkpoint::open(directory));
    test_model model;
    for (const awq::safetensors::tensor* tensor : files.tensors()) {
        auto& values = model.tensors[tensor->name];
        values.resize(tensor->element_count());
        model.shapes[tensor->name] = tensor->shape;
        AWQ_CHECK(awq::safetensors::read_floats(*tensor, values));
    }
    return model;
}

inline std::size_t size_of_key(const awq::json::value& root, const char* key)
{
    return static_cast<std::size_t>(*root.at(key)->as_unsigned());
}

// The fields of the two Llama models that tests use.
inline awq::model_config read_llama_config(const awq::json::value& root)
{
    awq::model_config config;
    config.architecture = "LlamaForCausalLM";
    config.vocab_size = size_of_key(root, "vocab_size");
    config.hidden_size = size_of_key(root, "hidden_size");
    config.intermediate_size = size_of_key(root, "intermediate_size");
    config.num_hidden_layers = size_of_key(root, "num_hidden_layers");
    config.num_attention_heads = size_of_key(root, "num_attention_heads");
    config.num_key_value_heads = size_of_key(root, "num_key_value_heads");
    config.head_dim = size_of_key(root, "head_dim");
    config.max_position_embeddings = size_of_key(root, "max_position_embeddings");
    config.rms_norm_eps = *root.at("rms_norm_eps")->as_number();
    config.tie_word_embeddings = *root.at("tie_word_embeddings")->as_bool();
    return config;
}

inline std::vector<std::uint32_t> read_ids(const awq::json::value& list)
{
    std::vector<std::uint32_t> ids;
    for (const awq::json::value id : list.elements()) ids.push_back(static_cast<std::uint32_t>(*id.as_unsigned()));
    return ids;
}

inline std::vector<double> read_numbers(const awq::json::value& list)
{
    std::vector<double> numbers;
    for (const awq::json::value number : list.elements()) numbers.push_back(*number.as_number());
    return numbers;
}

#endif
