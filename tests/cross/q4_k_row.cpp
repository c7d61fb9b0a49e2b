// SPDX-License-Identifier: MIT
// One row to Q4_K blocks: what a program needs that names this format alone.
#include <awq/quantization/gguf/format_quantizer.hpp>

void pack_row(std::span<const float> row, std::span<std::byte> out)
{
    awq::gguf::format_quantizer<awq::gguf::q4_k>{}.quantize_row(row, {}, out);
}
