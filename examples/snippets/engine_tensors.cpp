// SPDX-License-Identifier: MIT
// An engine's own strided tensors: smoothed in place, then int4 codes and packed words. Needs no
// heap and no other library.
#include <awq/core.hpp>

#include <cstdio>

constexpr std::size_t tokens = 16, rows = 8, cols = 64, stride = 80, groups = cols / 32;
constexpr std::size_t packed = awq::packed_words(cols, 4);
using quantizer = awq::modifier<awq::smooth_and_quantize<awq::w4a16_asym>, awq::group_size<32>>;

// The engine's: rows of the weight lie 80 floats apart, of which 64 are used.
static float norm[cols], weight[rows * stride], inputs[tokens * cols];
static std::int8_t codes[rows * cols], zeros[rows * groups];
static float scales[rows * groups], scratch[quantizer{}.workspace_size(tokens, cols, rows)];
static std::uint32_t words[rows * packed];

int main()
{
    for (std::size_t i = 0; i < cols; ++i) norm[i] = 1.0f;
    for (std::size_t i = 0; i < rows * stride; ++i) weight[i] = float(i * 37 % 101) / 50 - 1;
    for (std::size_t i = 0; i < tokens * cols; ++i) inputs[i] = float(i * 53 % 89) / 44 - 1;
    for (std::size_t t = 0; t < tokens; ++t) inputs[t * cols + 3] *= 30; // channel 3 is loud

    const quantizer how{{.n_grid = 20}};
    const awq::matrix_view<float> linear{weight, rows, cols, stride};
    const awq::matrix_view<const float> x{inputs, tokens, cols};
    const auto found = how.smooth(awq::smooth_layer{std::span{norm}}, awq::balance_layers{linear}, awq::activations{x},
                                  awq::workspace{scratch});
    const auto done = how.quantize(
        linear, {.codes = {codes, rows, cols}, .scales = {scales, rows, groups}, .zero_points = {zeros, rows, groups}});
    if (!found || !done) return 1; // found.error().text() says why
    awq::pack_compressed_tensors({codes, rows, cols}, 4, {words, rows, packed});
    std::printf("output error %.3g -> %.3g\n", found->initial_error, found->best_error);
    std::printf("codes %d %d %d %d, packed %08lx\n", codes[0], codes[1], codes[2], codes[3],
                static_cast<unsigned long>(words[0]));
}
// Prints:
// output error 0.467 -> 0.0792
// codes 3 4 6 -8, packed dbfd0ecb
