// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_IO_GGUF_TINY_LLAMA_HPP
#define AWQ_TESTS_IO_GGUF_TINY_LLAMA_HPP

#include <awq/io/gguf/metadata.hpp>
#include <awq/io/gguf/mix.hpp>
#include <awq/io/gguf/permute.hpp>
#include <awq/io/gguf/pre_tokenizer.hpp>
#include <awq/io/gguf/vocabulary.hpp>
#include <awq/io/gguf/writer.hpp>
#include <awq/io/imatrix.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/safetensors/checkpoint.hpp>
#include <awq/io/safetensors/convert.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// The tiny llama of the examples, turned into a GGUF file with the io room alone: what the
/// export does for every model, wired by hand for this one.
namespace tiny_llama {

using namespace awq;

inline std::string directory() { return AWQ_EXAMPLE_DATA "/tiny-llama"; }

inline result<gguf::hyperparameters> hyperparameters()
{
    AWQ_TRY(const auto config, json::load(directory() + "/config.json"));
    const auto number = [&](const char* key) {
        return static_cast<std::uint32_t>(config.root().at(key).value().as_unsigned().value());
    };
    gguf::hyperparameters facts;
    facts.architecture = "llama";
    facts.block_count = number("num_hidden_layers");
    facts.context_length = number("max_position_embeddings");
    facts.embedding_length = number("hidden_size");
    facts.feed_forward_length = number("intermediate_size");
    facts.head_count = number("num_attention_heads");
    facts.head_count_kv = number("num_key_value_heads");
    facts.key_length = facts.value_length = facts.rope_dimension_count = number("head_dim");
    facts.vocab_size = number("vocab_size");
    facts.rms_epsilon = static_cast<float>(config.root().at("rms_norm_eps").value().as_number().value());
    facts.rope_freq_base = 10000.0f;
    return facts;
}

inline result<gguf::tokenizer_facts> tokenizer(std::size_t size)
{
    AWQ_TRY(const auto document, json::load(directory() + "/tokenizer.json"));
    AWQ_TRY(const auto model, document.root().at("model"));
    gguf::vocabulary vocabulary;
    vocabulary.size = size;
    AWQ_TRY(const auto vocab, model.at("vocab"));
    for (const auto& member : vocab.members())
        vocabulary.tokens.emplace_back(member.key, static_cast<std::uint32_t>(member.value.as_unsigned().value()));
    AWQ_TRY(const auto merges, model.at("merges"));
    for (const auto& merge : merges.elements()) {
        std::vector<std::string> parts;
        for (const auto& part : merge.elements()) parts.emplace_back(part.as_string().value());
        vocabulary.merges.emplace_back(parts.at(0), parts.at(1));
    }
    vocabulary.added = {{0, "<|endoftext|>", true}};
    for (const char* role : {"bos", "eos", "unk"}) vocabulary.specials.push_back({role, "<|endoftext|>", {}});
    vocabulary.add_bos = vocabulary.add_eos = vocabulary.add_space_prefix = false;
    const gguf::pre_tokenizer_step words{gguf::pre_tokenizer_step::kind::byte_level_words, {}};
    AWQ_TRY(vocabulary.pre, gguf::identify_pre_tokenizer(std::span{&words, 1}, false));
    return gguf::byte_level_facts(vocabulary);
}

/// A checkpoint tensor as the file will hold it: name, shape, float32 values, rows in place.
struct ready_tensor {
    gguf::tensor_shape shape;
    std::vector<float> values;
};

/// "model.layers.3.self_attn.q_proj.weight" -> "blk.3.attn_q.weight"; empty for other names.
inline std::string place_of(std::string name)
{
    constexpr const char* places[][2] = {{"model.embed_tokens", "token_embd"},
                                         {"model.norm", "output_norm"},
                                         {"lm_head", "output"},
                                         {"model.layers.", "blk."},
                                         {"input_layernorm", "attn_norm"},
                                         {"post_attention_layernorm", "ffn_norm"},
                                         {"self_attn.q_proj", "attn_q"},
                                         {"self_attn.k_proj", "attn_k"},
                                         {"self_attn.v_proj", "attn_v"},
                                         {"self_attn.o_proj", "attn_output"},
                                         {"mlp.gate_proj", "ffn_gate"},
                                         {"mlp.up_proj", "ffn_up"},
                                         {"mlp.down_proj", "ffn_down"}};
    const std::string from = name;
    for (const auto& [hf, gguf] : places)
        if (const auto at = name.find(hf); at != std::string::npos) name.replace(at, std::string{hf}.size(), gguf);
    return name == from ? "" : name;
}

inline result<ready_tensor> prepare(const safetensors::tensor& from, const gguf::hyperparameters& facts)
{
    const std::string place = place_of(std::string{from.name});
    if (place.empty()) return error{error_code::unsupported, from.name, ": has no place in a GGUF file"};
    ready_tensor ready{{place, {from.shape.rbegin(), from.shape.rend()}}, {}};
    ready.values.resize(static_cast<std::size_t>(from.element_count()));
    AWQ_CHECK(safetensors::read_floats(from, ready.values));
    const bool is_query = place.find(".attn_q.") != std::string::npos;
    if (is_query || place.find(".attn_k.") != std::string::npos) {
        const auto copy = ready.values;
        AWQ_CHECK(gguf::interleave_rotary_rows<float>(copy, ready.values, static_cast<std::size_t>(from.shape[0]),
                                                      is_query ? *facts.head_count : *facts.head_count_kv));
    }
    return ready;
}

inline std::vector<std::byte> quantize(const ready_tensor& tensor, gguf::type kind, std::span<const float> importance)
{
    const gguf::block_quantizer quantizer{kind};
    const auto columns = static_cast<std::size_t>(tensor.shape.dims[0]);
    const std::size_t rows = tensor.values.size() / columns, bytes = quantizer.row_bytes(columns);
    std::vector<std::byte> packed(rows * bytes);
    for (std::size_t row = 0; row < rows; ++row)
        quantizer.quantize_row(std::span{tensor.values}.subspan(row * columns, columns), importance,
                               std::span{packed}.subspan(row * bytes, bytes));
    return packed;
}

inline status write(const std::string& path, gguf::file_type kind, const imatrix* importance)
{
    AWQ_TRY(const auto facts, hyperparameters());
    AWQ_TRY(const auto vocabulary, tokenizer(*facts.vocab_size));
    AWQ_TRY(const auto checkpoint, safetensors::checkpoint::open(directory()));
    std::vector<ready_tensor> tensors;
    std::uint64_t parameters = 0;
    for (const safetensors::tensor* each : checkpoint.tensors()) {
        AWQ_TRY(auto ready, prepare(*each, facts));
        parameters += ready.values.size();
        tensors.push_back(std::move(ready));
    }
    std::sort(tensors.begin(), tensors.end(),
              [](const auto& a, const auto& b) { return gguf::precedes(a.shape.name, b.shape.name); });
    std::vector<gguf::tensor_shape> shapes;
    for (const auto& each : tensors) shapes.push_back(each.shape);
    gguf::mix_options options;
    options.target = kind;
    const gguf::mix_facts mix{facts.architecture,   *facts.block_count, *facts.head_count, *facts.head_count_kv, 0,
                              importance != nullptr};
    const auto types = gguf::choose_types(shapes, mix, options);
    std::vector<gguf::tensor_plan> plan;
    for (std::size_t i = 0; i < shapes.size(); ++i) plan.push_back({shapes[i].name, types[i], shapes[i].dims});
    const gguf::model_card card{"Tiny", gguf::size_label_of(parameters), {}};
    AWQ_TRY(auto writer, gguf::writer::create(path, gguf::build_metadata(card, facts, vocabulary, kind), plan));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        std::vector<float> means;
        if (importance != nullptr && importance->entries.contains(shapes[i].name))
            means = importance->mean_squares(shapes[i].name).value();
        AWQ_CHECK(writer.write(i, quantize(tensors[i], types[i], means)));
    }
    return writer.finish();
}

} // namespace tiny_llama

#endif
