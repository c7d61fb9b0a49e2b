// SPDX-License-Identifier: MIT
// The core alone, as on a small device: no heap, no exceptions, no RTTI, no threads, no third-party
// header. All memory is static, its size is known when this file is compiled, and with 4 KB of stack
// it stays below 64 KB.
//
//     FLAGS="-std=c++20 -Os -fno-exceptions -fno-rtti -DAWQ_HOSTED=0 -I include"
//     g++ $FLAGS examples/02_embedded.cpp
//     ARM="arm-none-eabi-g++ -mthumb --specs=rdimon.specs -ffunction-sections -Wl,--gc-sections"
//     $ARM $FLAGS -mcpu=cortex-m0plus examples/02_embedded.cpp
//     $ARM $FLAGS -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16 -DAWQ_FLOAT_SUMS=1 examples/02_embedded.cpp
//     $ARM $FLAGS -mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-d16 examples/02_embedded.cpp
#include <awq/core.hpp>

#include <array>
#include <cstdint>
#include <cstdio> // for main alone

namespace {

constexpr std::size_t tokens = 32, in_features = 64, out_features = 16;
constexpr std::size_t groups = in_features / 32;

// Smooth, then quantize to 4 bits with a zero point, 32 columns a group.
using quantizer = awq::modifier<awq::smooth_and_quantize<awq::w4a16_asym>, awq::group_size<32>, awq::span_backend,
                                awq::serial_execution>;

std::array<float, in_features> norm;
std::array<float, out_features * in_features> q_weight, k_weight;
std::array<float, tokens * in_features> samples;
std::array<float, quantizer{}.workspace_size(tokens, in_features, 2 * out_features)> scratch;
std::array<std::int8_t, out_features * in_features> codes;
std::array<std::int8_t, out_features * groups> zero_points;
std::array<float, out_features * groups> scales;

constexpr std::size_t memory = sizeof norm + sizeof q_weight + sizeof k_weight + sizeof samples + sizeof scratch +
                               sizeof codes + sizeof zero_points + sizeof scales;
static_assert(memory + 4096 <= 64 * 1024);

// Folds scale from q_proj's and k_proj's inputs into the norm before them.
awq::result<awq::search_outcome> smooth() noexcept
{
    const std::span<float> norm_weight{norm};
    const awq::matrix_view<float> q{q_weight.data(), out_features, in_features};
    const awq::matrix_view<float> k{k_weight.data(), out_features, in_features};
    const awq::matrix_view<const float> x{samples.data(), tokens, in_features};
    return quantizer{}.smooth(awq::smooth_layer{norm_weight}, awq::balance_layers{q, k}, awq::activations{x},
                              awq::workspace{scratch});
}

awq::status quantize_q() noexcept
{
    const awq::matrix_view<const float> q{q_weight.data(), out_features, in_features};
    return quantizer{}.quantize(q, {{codes.data(), out_features, in_features},
                                    {scales.data(), out_features, groups},
                                    {zero_points.data(), out_features, groups}});
}

// Stands for weights in flash and inputs from a sensor; a few inputs are loud.
void load() noexcept
{
    std::uint32_t state = 1;
    const auto next = [&state] {
        state = state * 1664525u + 1013904223u;
        return static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
    };
    for (float& value : norm) value = 1.0f;
    for (float& value : q_weight) value = next();
    for (float& value : k_weight) value = next();
    for (float& value : samples) value = next();
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t c = 3; c < in_features; c += 40) samples[t * in_features + c] *= 30.0f;
}

} // namespace

int main()
{
    load();
    const auto outcome = smooth();
    if (!outcome || !quantize_q()) return 1;
    std::printf("static memory       %lu bytes, %lu of them scratch\n", static_cast<unsigned long>(memory),
                static_cast<unsigned long>(sizeof scratch));
    std::printf("error, unsmoothed   %.3e\n", outcome->initial_error);
    std::printf("error, smoothed     %.3e\n", outcome->best_error);
    std::printf("first codes         %d %d %d %d, scale %.4f, zero point %d\n", codes[0], codes[1], codes[2], codes[3],
                static_cast<double>(scales[0]), zero_points[0]);
    return outcome->best_error < outcome->initial_error ? 0 : 1;
}
