// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_FLOAT8_HPP
#define AWQ_SUPPORT_FLOAT8_HPP

#include <bit>
#include <cstdint>
#include <limits>

namespace awq {

/// FP8 E4M3 ("fn", without infinities): 4 exponent bits with bias 7, 3 mantissa bits, up to 448; 0x7F
/// and 0xFF are NaN (OCP 8-bit floating point specification).
struct f8_e4m3 {
    std::uint8_t bits = 0;

    static constexpr float largest = 448.0f;

    f8_e4m3() = default;
    /// Rounds to nearest, ties to even; what would round beyond 448 becomes NaN, as in PyTorch.
    constexpr explicit f8_e4m3(float value) noexcept
        : bits(round(std::bit_cast<std::uint32_t>(value)))
    {
    }
    constexpr explicit operator float() const noexcept
    {
        const int exponent = (bits >> 3) & 15, mantissa = bits & 7;
        if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
        float value = static_cast<float>(exponent == 0 ? mantissa : 8 + mantissa) * 0x1p-9f;
        for (int i = 1; i < exponent; ++i) value *= 2.0f;
        return (bits & 0x80) != 0 ? -value : value;
    }
    static constexpr f8_e4m3 from_bits(std::uint8_t pattern) noexcept
    {
        f8_e4m3 value;
        value.bits = pattern;
        return value;
    }
    friend constexpr bool operator==(f8_e4m3, f8_e4m3) = default; // compares bit patterns

private:
    static constexpr std::uint8_t round(std::uint32_t pattern) noexcept
    {
        const auto sign = static_cast<std::uint8_t>((pattern >> 24) & 0x80u);
        return static_cast<std::uint8_t>(sign | round_magnitude(pattern & 0x7FFFFFFFu));
    }

    static constexpr std::uint8_t round_magnitude(std::uint32_t magnitude) noexcept
    {
        if (magnitude > 0x43E80000u) return 0x7F; // 464 is a tie, and goes to 448, which is even
        if (magnitude >= 0x3C800000u) {           // 2^-6, the smallest normal number
            const std::uint32_t rebiased = magnitude - (120u << 23);
            return static_cast<std::uint8_t>((rebiased + 0x7FFFFu + ((rebiased >> 20) & 1u)) >> 20);
        }
        // Denormal: adding 2^14 leaves the rounded multiple of 2^-9 in the low mantissa bits.
        const float shifted = std::bit_cast<float>(magnitude) + 0x1p14f;
        return static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(shifted) - 0x46800000u);
    }
};

} // namespace awq

#endif
