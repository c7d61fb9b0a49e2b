// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_QUANTIZATION_GGUF_SAMPLE_ROWS_HPP
#define AWQ_TESTS_QUANTIZATION_GGUF_SAMPLE_ROWS_HPP

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// Rows of weights of many kinds, made of integers and exact operations: the same ones as in
// tests/golden/gguf_quantize.py.

namespace sample {

inline constexpr std::string_view kinds[] = {
    "normal",     "heavy",  "bf16", "constant_groups", "outliers", "denormal", "huge",          "positive", "negative",
    "two_values", "sparse", "wild", "graded",          "tiny",     "zero",     "flat_negative", "near_one"};
inline constexpr std::string_view importance_kinds[] = {"none", "even", "steep", "gaps", "rare"};
inline constexpr std::size_t rows = 4;
inline constexpr std::size_t columns = 1536;

class numbers {
public:
    explicit numbers(std::uint32_t seed) : state_(seed) {}
    std::uint32_t word() { return state_ = 1664525u * state_ + 1013904223u; }
    double bell()
    {
        double sum = 0;
        for (int i = 0; i < 4; ++i) sum += static_cast<double>(word() >> 8) - 8388608.0;
        return sum / 4194304.0 / 2;
    }

private:
    std::uint32_t state_;
};

inline double value(std::string_view kind, int i, numbers& source)
{
    const double bell = source.bell();
    const std::uint32_t word = source.word();
    const double raised = i / 256 % 2 == 0 ? 3.0 : 0.0;
    if (kind == "normal") return bell / 64;
    if (kind == "heavy") return bell / (1 + (word >> 24));
    if (kind == "bf16") {
        const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(bell / 32));
        return std::bit_cast<float>(bits >> 16 << 16);
    }
    if (kind == "constant_groups") return i / 32 % 3 == 0 ? 0.25 * (i / 64 % 5) : word >> 31 ? 0.0 : bell;
    if (kind == "outliers") return word >> 24 == 0 ? bell : std::ldexp(bell, -20);
    if (kind == "denormal") return std::ldexp(bell, -130);
    if (kind == "huge") return std::ldexp(bell, 122);
    if (kind == "positive") return std::fabs(bell) + raised;
    if (kind == "negative") return -std::fabs(bell) - raised;
    if (kind == "two_values") return i / 16 % 2 ? 0.5 : -0.125;
    if (kind == "sparse") return word >> 26 == 0 ? bell : 0.0;
    if (kind == "wild") return std::bit_cast<float>((word >> 23 & 255) == 255 ? word & ~(1u << 30) : word);
    if (kind == "graded") return std::ldexp(bell, -(i / 32 % 24));
    if (kind == "tiny") return std::ldexp(bell, -50 - i / 256 % 8);
    // Groups whose best scale may come out negative, which ggml stores in odd ways.
    const int spread = static_cast<int>(word >> 29);
    if (kind == "flat_negative") return -3 - std::ldexp(std::fabs(bell), spread - 6);
    if (kind == "near_one") return -1 + std::ldexp(static_cast<int>(word >> 8 & 7) - 3, spread - 12);
    return word >> 31 ? -0.0 : 0.0;
}

/// `count` rows of a kind, one after the other.
inline std::vector<float> make_rows(std::string_view kind, std::uint32_t seed, std::size_t count = rows)
{
    std::vector<float> made;
    for (std::size_t r = 0; r < count; ++r) {
        numbers source(seed + static_cast<std::uint32_t>(r));
        for (std::size_t i = 0; i < columns; ++i)
            made.push_back(static_cast<float>(value(kind, static_cast<int>(i), source)));
    }
    return made;
}

/// The importance of all columns; empty for "none".
inline std::vector<float> make_importance(std::string_view kind)
{
    std::vector<float> made;
    if (kind == "none") return made;
    numbers source(kind == "even" ? 78 : kind == "steep" ? 79 : kind == "gaps" ? 80 : 81);
    for (std::size_t i = 0; i < columns; ++i) {
        const std::uint32_t word = source.word();
        const double mantissa = 1.0 + (word >> 8 & 255);
        double weight = word >> 31 ? 0.0 : mantissa / 16;
        if (kind == "even") weight = (1.0 + (word >> 24)) / 64;
        if (kind == "steep") weight = std::ldexp(mantissa, -static_cast<int>(word >> 27));
        if (kind == "rare") weight = word >> 29 == 0 ? std::ldexp(mantissa, -static_cast<int>(word >> 24 & 15)) : 0.0;
        made.push_back(static_cast<float>(weight));
    }
    return made;
}

/// FNV-1a, 64 bits.
inline std::uint64_t hash(std::span<const std::byte> bytes)
{
    std::uint64_t state = 0xCBF29CE484222325u;
    for (const std::byte byte : bytes) state = (state ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001B3u;
    return state;
}

} // namespace sample

#endif
