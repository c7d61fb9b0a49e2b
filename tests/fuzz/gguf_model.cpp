// SPDX-License-Identifier: MIT
// A model in a GGUF file: its config, its tokenizer and all its tensors by their Hugging Face names.
#include "input.hpp"

#include <awq/checkpoint/gguf_source.hpp>
#include <awq/checkpoint/gguf_tokenizer.hpp>
#include <awq/io/gguf/tensor_names.hpp>

#include <vector>

namespace {

void use_tokenizer(const awq::gguf::file& file)
{
    const auto facts = awq::gguf::read_tokenizer(file);
    if (!fuzz::succeeded(facts)) return;
    const auto tokens = awq::tokenizer_of(*facts, "x");
    if (!fuzz::succeeded(tokens)) return;
    const auto ids = tokens->encode(fuzz::plain_text, true);
    if (fuzz::succeeded(ids)) fuzz::succeeded(tokens->decode(*ids, false));
}

void read_tensor(const awq::gguf_source& source, const std::string& name)
{
    const auto shape = source.shape(name);
    if (!shape || shape->rows * shape->cols > fuzz::enough) return;
    std::vector<float> values(shape->rows * shape->cols);
    fuzz::succeeded(source.read(name, {values.data(), shape->rows, shape->cols}));
}

void read_tensors(const awq::gguf_source& source)
{
    const awq::model_config& config = source.config();
    for (const auto& each : awq::expected_outer_tensors(config)) read_tensor(source, each.name);
    for (std::size_t layer = 0; layer < config.num_hidden_layers; ++layer)
        for (const auto& each : awq::layout_of(config, layer).tensors)
            read_tensor(source, awq::block_prefix(config, layer) + each.name);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto file = awq::gguf::file::parse(std::as_bytes(std::span{data, size}), "x");
    if (!fuzz::succeeded(file)) return 0;
    use_tokenizer(*file);
    const auto opened = awq::gguf_source::open(fuzz::folder().put("m.gguf", fuzz::text_of(data, size)));
    if (fuzz::succeeded(opened)) read_tensors(**opened);
    return 0;
}
