// SPDX-License-Identifier: MIT
// One row of a weight to GGUF's Q4_K blocks, as llama.cpp reads them; links no other format.
#include <awq/core.hpp>

#include <cstdio>

int main()
{
    float row[512], importance[512]; // mean of x^2 for each column (activation_stats), or none
    for (std::size_t c = 0; c < 512; ++c) {
        row[c] = float(c * 37 % 101) / 50 - 1;
        importance[c] = c % 64 == 3 ? 100 : 1;
    }
    const awq::modifier<awq::smooth_and_quantize<awq::gguf::q4_k>> how;
    std::byte blocks[288]; // how.target().row_bytes(512)
    const auto done = how.quantize_row(row, importance, blocks);
    if (!done) return 1; // done.error().text() says why
    std::printf("512 weights in 288 bytes, the first");
    for (std::size_t i = 0; i < 8; ++i) std::printf(" %02x", std::to_integer<unsigned>(blocks[i]));
    std::printf("\n");
}
// Prints:
// 512 weights in 288 bytes, the first 5f 18 0c 24 fd fa fc ff
