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

    std::span<const float> vector(const std::string& name) const
    {
        const auto found = tensors.find(name);
        return found == tensors.end() ? std::span<const float>{} : std::span{found->second};
    }
    awq::matrix_view<const float> matrix(const std::string& name) const
    {
        const auto& shape = shapes.at(name);
        return {tensors.at(name).data(), static_cast<std::size_t>(shape[0]),
                static_cast<std::size_t>(shape[1])};
    }
    awq::linear_view linear(const std::string& name) const
    {
        return {matrix(name + ".weight"), vector(name + ".bias")};
    }
    awq::block_weights block(std::size_t layer) const
    {
        const std::string at = "model.layers." + std::to_string(layer) + ".";
        return {vector(at + "input_layernorm.weight"),
                {linear(at + "self_attn.q_proj"), linear(at + "self_attn.k_proj"),
                 linear(at + "self_attn.v_proj"), linear(at + "self_attn.o_proj"),
                 vector(at + "self_attn.q_norm.weight"), vector(at + "self_attn.k_norm.weight")},
                vector(at + "post_attention_layernorm.weight"),
                {linear(at + "mlp.gate_proj"), linear(at + "mlp.up_proj"),
                 linear(at + "mlp.down_proj")},
                vector(at + "pre_feedforward_layernorm.weight"),
                vector(at + "post_feedforward_layernorm.weight")};
    }
    awq::causal_lm_weights weights() const
    {
        awq::causal_lm_weights made;
        made.embed_tokens = matrix("model.embed_tokens.weight");
        for (std::size_t i = 0; i < config.num_hidden_layers; ++i) made.layers.push_back(block(i));
        made.norm = vector("model.norm.weight");
        made.lm_head = config.tie_word_embeddings ? made.embed_tokens : matrix("lm_head.weight");
        return made;
    }
};

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
    for (const awq::json::value id : list.elements())
        ids.push_back(static_cast<std::uint32_t>(*id.as_unsigned()));
    return ids;
}

inline std::vector<double> read_numbers(const awq::json::value& list)
{
    std::vector<double> numbers;
    for (const awq::json::value number : list.elements()) numbers.push_back(*number.as_number());
    return numbers;
}

#endif
