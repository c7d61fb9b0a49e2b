// SPDX-License-Identifier: MIT
// Smooths and quantizes a generated pair with the hosted tier, and prints a digest of what came out: the same on
// every processor. Exit status 0 is a pass. Needs the headers of xtensor, xsimd and TBB, and nothing to link.
#include <awq/hosted.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>

namespace {

using backend = awq::xtensor_backend;
using smoother =
    awq::modifier<awq::smooth_and_quantize<awq::w4a16_asym>, awq::group_size<32>, backend, awq::serial_execution>;

// FNV-1a over the little-endian bytes.
template <class T>
unsigned long digest(std::span<const T> values) noexcept
{
    std::uint32_t hash = 2166136261u;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(values.data());
    for (std::size_t i = 0; i < values.size_bytes(); ++i) hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

backend::matrix random_matrix(std::size_t rows, std::size_t cols, std::uint32_t state)
{
    backend::matrix made = backend::make(rows, cols);
    for (std::size_t i = 0; i < rows * cols; ++i) {
        state = state * 1664525u + 1013904223u;
        made.data()[i] = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
    }
    return made;
}

std::span<const float> values_of(const backend::matrix& tensor) noexcept { return {tensor.data(), tensor.size()}; }

bool print_products()
{
    const backend::matrix few = random_matrix(3, 203, 4), many = random_matrix(45, 203, 5);
    for (const backend::matrix* left : {&few, &many}) {
        backend::matrix out = backend::make(left->shape()[0], 45);
        awq::packed_product::multiply_nt(awq::serial_execution{}, backend::view(*left), backend::view(many),
                                         backend::view(out));
        std::printf("product %08lx\n", digest(values_of(out)));
    }
    return true;
}

bool print_smoothed()
{
    constexpr std::size_t rows = 64, columns = 96, groups = columns / 32;
    backend::matrix up = random_matrix(columns, 64, 1), down = random_matrix(rows, columns, 2);
    const backend::matrix samples = random_matrix(40, columns, 3);
    const smoother how;
    if (!how.smooth(awq::smooth_layer{up}, awq::balance_layers{down}, awq::activations{samples})) return false;
    std::int8_t codes[rows * columns], zeros[rows * groups];
    float scales[rows * groups];
    if (!how.quantize(backend::view(std::as_const(down)),
                      {{codes, rows, columns}, {scales, rows, groups}, {zeros, rows, groups}}))
        return false;
    std::printf("smoothed %08lx %08lx\n", digest(values_of(up)), digest(values_of(down)));
    std::printf("codes %08lx\n", digest(std::span<const std::int8_t>{codes}));
    return true;
}

} // namespace

int main()
{
    awq::reproducible_products = true;
    return print_products() && print_smoothed() ? 0 : 1;
}
