// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_COMPRESSED_TENSORS_SMALL_FLOATS_HPP
#define AWQ_IO_COMPRESSED_TENSORS_SMALL_FLOATS_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace awq::compressed_tensors {

/// The value of an FP8 E4M3 ("fn": no infinities) pattern: 4 exponent bits with bias 7, 3 mantissa
/// bits; 0x7F and 0xFF are NaN (OCP 8-bit floating point specification).
constexpr float from_e4m3(std::uint8_t bits) noexcept
{
    const int exponent = (bits >> 3) & 15, mantissa = bits & 7;
    if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
    float value = static_cast<float>(exponent == 0 ? mantissa : 8 + mantissa) * 0x1p-9f;
    for (int i = 1; i < exponent; ++i) value *= 2.0f;
    return (bits & 0x80) != 0 ? -value : value;
}

/// Every E4M3 pattern's value.
inline constexpr std::array<float, 256> e4m3_values = [] {
    std::array<float, 256> values{};
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = from_e4m3(static_cast<std::uint8_t>(i));
    return values;
}();

/// Every FP4 E2M1 pattern's value (OCP microscaling formats specification).
inline constexpr std::array<float, 16> e2m1_values{0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,
                                                   4.0f,  6.0f,  -0.0f, -0.5f, -1.0f, -1.5f,
                                                   -2.0f, -3.0f, -4.0f, -6.0f};

/// The value of an E8M0 exponent: a power of two with bias 127; 0xFF is NaN.
inline float from_e8m0(std::uint8_t bits) noexcept
{
    return bits == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, bits - 127);
}

} // namespace awq::compressed_tensors

#endif
