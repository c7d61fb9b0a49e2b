// SPDX-License-Identifier: MIT
// Blocks of any bytes, in the type that the first byte names: what a tensor of a GGUF file decodes to.
#include "input.hpp"

#include <awq/quantization/gguf/block_quantizer.hpp>

#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const auto& facts = awq::gguf::all_types[data[0] % std::size(awq::gguf::all_types)];
    const std::size_t blocks = (size - 1) / facts.block_bytes;
    std::vector<float> row(blocks * facts.block_columns);
    const auto bytes = std::as_bytes(std::span{data + 1, blocks * facts.block_bytes});
    awq::gguf::block_quantizer{facts.type}.dequantize_row(bytes, row);
    return 0;
}
