// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_FLOAT16_HPP
#define AWQ_SUPPORT_FLOAT16_HPP

#include <bit>
#include <compare>
#include <cstdint>

namespace awq {

/// bfloat16: the upper half of an IEEE binary32.
struct bf16 {
    std::uint16_t bits = 0;

    bf16() = default;
    /// Rounds to nearest, ties to even; denormals are kept, a NaN stays a NaN.
    constexpr explicit bf16(float value) noexcept : bits(round(std::bit_cast<std::uint32_t>(value))) {}
    constexpr explicit operator float() const noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
    static constexpr bf16 from_bits(std::uint16_t pattern) noexcept
    {
        bf16 value;
        value.bits = pattern;
        return value;
    }
    friend constexpr bool operator==(bf16, bf16) = default; // compares bit patterns

private:
    static constexpr std::uint16_t round(std::uint32_t pattern) noexcept
    {
        const bool nan = (pattern & 0x7FFFFFFFu) > 0x7F800000u;
        const std::uint32_t rounded = pattern + 0x7FFFu + ((pattern >> 16) & 1u);
        return static_cast<std::uint16_t>(nan ? (pattern >> 16) | 0x40u : rounded >> 16);
    }
};

/// IEEE binary16.
struct f16 {
    std::uint16_t bits = 0;

    f16() = default;
    /// Rounds to nearest, ties to even; overflow gives an infinity, a NaN stays a (quiet) NaN.
    constexpr explicit f16(float value) noexcept : bits(round(std::bit_cast<std::uint32_t>(value))) {}
    constexpr explicit operator float() const noexcept
    {
        const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
        return std::bit_cast<float>(sign | widen_magnitude(bits & 0x7FFFu));
    }
    static constexpr f16 from_bits(std::uint16_t pattern) noexcept
    {
        f16 value;
        value.bits = pattern;
        return value;
    }
    friend constexpr bool operator==(f16, f16) = default; // compares bit patterns

private:
    // The exponents differ by 112; a float multiplication by 2^112 also normalises denormals.
    static constexpr std::uint32_t widen_magnitude(std::uint32_t magnitude) noexcept
    {
        const std::uint32_t special = magnitude >= 0x7C00u ? 0x7F800000u : 0u;
        const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
        return special | std::bit_cast<std::uint32_t>(scaled);
    }

    static constexpr std::uint16_t round(std::uint32_t pattern) noexcept
    {
        const std::uint32_t magnitude = pattern & 0x7FFFFFFFu;
        const auto sign = static_cast<std::uint16_t>((pattern >> 16) & 0x8000u);
        return static_cast<std::uint16_t>(sign | round_magnitude(magnitude));
    }

    static constexpr std::uint32_t round_magnitude(std::uint32_t magnitude) noexcept
    {
        if (magnitude > 0x7F800000u) return 0x7E00u;  // NaN
        if (magnitude >= 0x477FF000u) return 0x7C00u; // 65520 and above round to infinity
        if (magnitude >= 0x38800000u) {               // normal in half precision
            const std::uint32_t rebiased = magnitude - 0x38000000u;
            return (rebiased + 0xFFFu + ((rebiased >> 13) & 1u)) >> 13;
        }
        // Denormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low mantissa bits.
        const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
        return std::bit_cast<std::uint32_t>(shifted) - 0x3F000000u;
    }
};

} // namespace awq

#endif
