// SPDX-License-Identifier: MIT
// One row to Q4_K blocks: what a program needs that names this format alone.
#include <awq/quantization/gguf/format_quantizer.hpp>

#ifndef AWQ_TEST_FORMAT
#define AWQ_TEST_FORMAT awq::gguf::q4_k
#endif

void pack_row(std::span<const float> row, std::span<std::byte> out)
{
    awq::gguf::format_quantizer<AWQ_TEST_FORMAT>{}.quantize_row(row, {}, out);
}
