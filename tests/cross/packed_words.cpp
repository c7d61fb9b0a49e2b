// SPDX-License-Identifier: MIT
// Quantizes generated weights and prints a digest of every packed word: the same on every processor.
// No heap, no exceptions; exit status 0 is a pass.
#include <awq/core.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>

namespace {

constexpr std::size_t rows = 6, columns = 512, group = 32, groups = columns / group;

float weights[rows * columns];
std::int8_t codes[rows * columns], zero_points[rows * groups];
float scales[rows * groups];
std::uint32_t words[rows * columns / 8];
std::byte blocks[rows * columns / 256 * 144];

// FNV-1a over the little-endian bytes.
template <class T>
unsigned long digest(std::span<const T> values) noexcept
{
    std::uint32_t hash = 2166136261u;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(values.data());
    for (std::size_t i = 0; i < values.size_bytes(); ++i) hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

void fill() noexcept
{
    std::uint32_t state = 1;
    for (float& weight : weights) {
        state = state * 1664525u + 1013904223u;
        weight = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
    }
}

template <class Scheme>
bool print_words(const char* name)
{
    const awq::modifier<awq::smooth_and_quantize<Scheme>, awq::group_size<group>> how;
    const awq::matrix_view<const float> weight{weights, rows, columns};
    const bool has_zeros = !Scheme::symmetric;
    if (!how.quantize(weight, {{codes, rows, columns},
                               {scales, rows, groups},
                               {zero_points, has_zeros ? rows : 0, has_zeros ? groups : 0}}))
        return false;
    awq::pack_compressed_tensors({codes, rows, columns}, 4, {words, rows, columns / 8});
    std::printf("%s %08lx %08lx\n", name, digest(std::span<const std::uint32_t>{words}),
                digest(std::span<const float>{scales}));
    return true;
}

bool print_blocks()
{
    const awq::gguf::block_quantizer q4_k{awq::gguf::type::q4_k};
    q4_k.quantize({weights, rows, columns}, {}, blocks);
    std::printf("q4_k %08lx\n", digest(std::span<const std::byte>{blocks}));
    return true;
}

} // namespace

int main()
{
    fill();
    return print_words<awq::w4a16_asym>("w4a16_asym") && print_words<awq::w4a16>("w4a16") &&
                   print_words<awq::stored_as<awq::bf16, awq::w4a16_asym>>("w4a16_asym_bf16") &&
                   print_words<awq::stored_as<awq::f16, awq::w4a16_asym>>("w4a16_asym_f16") && print_blocks()
               ? 0
               : 1;
}
