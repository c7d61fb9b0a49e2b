// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_SMALL_FLOAT_HPP
#define AWQ_SUPPORT_SMALL_FLOAT_HPP

#include <awq/config.hpp>

#include <bit>
#include <cstdint>

namespace awq {

// Float formats of few bits without infinities (OCP 8-bit floating point and microscaling formats
// specifications). What is too large becomes the largest number.

/// FP8: 4 exponent bits, 3 mantissa bits; the patterns 0x7F and 0xFF are NaN.
struct e4m3 {
    static constexpr int exponent_bits = 4, mantissa_bits = 3;
    static constexpr int smallest_exponent = -6; ///< of the normal numbers
    static constexpr float largest = 448.0f;
};

/// FP4: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
struct e2m1 {
    static constexpr int exponent_bits = 2, mantissa_bits = 1;
    static constexpr int smallest_exponent = 0;
    static constexpr float largest = 6.0f;
};

/// The nearest number of the format, ties to even; NaN stays NaN. Vectorises.
template <class Format>
AWQ_ALWAYS_INLINE constexpr float round_to(float x) noexcept
{
    x = x < -Format::largest ? -Format::largest : x;
    x = x > Format::largest ? Format::largest : x;
    constexpr auto smallest = static_cast<std::uint32_t>(127 + Format::smallest_exponent) << 23;
    std::uint32_t power = std::bit_cast<std::uint32_t>(x) & 0x7F800000u;
    power = power < smallest ? smallest : power;
    // The last bit of this number is worth as much as that of the format at x.
    constexpr auto distance = static_cast<std::uint32_t>(23 - Format::mantissa_bits) << 23;
    const float shift = std::bit_cast<float>(power + distance) * 1.5f;
    return (x + shift) - shift;
}

/// The bit pattern of the nearest number. It keeps the sign, also that of a zero.
template <class Format>
constexpr std::uint8_t pattern_of(float x) noexcept
{
    constexpr int mantissa = Format::mantissa_bits;
    const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) >> 31;
    const float value = round_to<Format>(sign != 0 ? -x : x);
    constexpr float smallest = std::bit_cast<float>(static_cast<std::uint32_t>(127 + Format::smallest_exponent) << 23);
    const std::uint32_t normal = (std::bit_cast<std::uint32_t>(value) >> (23 - mantissa)) -
                                 (static_cast<std::uint32_t>(126 + Format::smallest_exponent) << mantissa);
    const auto denormal = static_cast<std::uint32_t>(value / smallest * float(1 << mantissa));
    const std::uint32_t magnitude = value < smallest ? denormal : normal;
    return static_cast<std::uint8_t>(magnitude | sign << (Format::exponent_bits + mantissa));
}

/// The number of a bit pattern that is no NaN.
template <class Format>
constexpr float number_of(std::uint8_t pattern) noexcept
{
    constexpr int mantissa = Format::mantissa_bits, sign = Format::exponent_bits + mantissa;
    const std::uint32_t magnitude = pattern & ((1u << sign) - 1);
    constexpr auto bias = static_cast<std::uint32_t>(126 + Format::smallest_exponent) << mantissa;
    constexpr float unit =
        std::bit_cast<float>(static_cast<std::uint32_t>(127 + Format::smallest_exponent - mantissa) << 23);
    const float value = magnitude >> mantissa == 0 ? static_cast<float>(magnitude) * unit
                                                   : std::bit_cast<float>((magnitude + bias) << (23 - mantissa));
    return pattern >> sign != 0 ? -value : value;
}

} // namespace awq

#endif
