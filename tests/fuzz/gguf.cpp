// SPDX-License-Identifier: MIT
// A GGUF file: all values as all types, and the first rows of every tensor dequantized.
#include "input.hpp"

#include <awq/io/gguf/reader.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>

#include <vector>

namespace {

void read_value(const awq::gguf::value_view& value)
{
    fuzz::succeeded(value.as_integer<std::int32_t>());
    fuzz::succeeded(value.as_integer<std::uint64_t>());
    fuzz::succeeded(value.as_real());
    fuzz::succeeded(value.as_bool());
    fuzz::succeeded(value.as_string());
    fuzz::succeeded(value.as_numbers<float>());
    fuzz::succeeded(value.as_numbers<std::uint32_t>());
    fuzz::succeeded(value.as_strings());
}

void read_rows(const awq::gguf::tensor_info& tensor)
{
    if (tensor.in_features() > fuzz::enough) return;
    const awq::gguf::block_quantizer rounding{tensor.type};
    const std::size_t bytes = rounding.row_bytes(tensor.in_features());
    std::vector<float> row(tensor.in_features());
    for (std::size_t i = 0; i < std::min<std::size_t>(tensor.rows(), 4); ++i)
        rounding.dequantize_row(tensor.bytes.subspan(i * bytes, bytes), row);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = awq::gguf::file::parse(std::as_bytes(std::span{data, size}), "x");
    if (!fuzz::succeeded(read)) return 0;
    for (const auto& entry : read->metadata()) read_value(entry.value);
    for (const auto& tensor : read->tensors()) read_rows(tensor);
    return 0;
}
