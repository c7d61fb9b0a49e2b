// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_FLOAT_BLOCKS_HPP
#define AWQ_QUANTIZATION_GGUF_FLOAT_BLOCKS_HPP

#include <awq/quantization/gguf/block_support.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

// Formats whose numbers are floats: F32, F16, BF16, and the 4-bit floats MXFP4 and NVFP4 with 8-bit
// scales (OCP Microscaling Formats specification; NVIDIA's NVFP4 as ggml stores it).

namespace awq::gguf {

/// One float.
struct f32_format {
    static constexpr std::size_t columns = 1;
    static void pack(const float* x, std::byte* out) noexcept
    {
        const auto bits = std::bit_cast<std::uint32_t>(*x);
        for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<std::byte>(bits >> 8 * i & 0xFF);
    }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        std::uint32_t bits = 0;
        for (unsigned i = 0; i < 4; ++i) bits |= std::to_integer<std::uint32_t>(in[i]) << 8 * i;
        *out = std::bit_cast<float>(bits);
    }
};

/// One IEEE half, to nearest even.
struct f16_format {
    static constexpr std::size_t columns = 1;
    static void pack(const float* x, std::byte* out) noexcept { detail::put_half(f16(*x), out); }
    static void unpack(const std::byte* in, float* out) noexcept { *out = static_cast<float>(detail::get_half(in)); }
};

/// One bfloat16, to nearest even.
struct bf16_format {
    static constexpr std::size_t columns = 1;
    static void pack(const float* x, std::byte* out) noexcept { detail::put_half(f16::from_bits(bf16(*x).bits), out); }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        *out = static_cast<float>(bf16::from_bits(detail::get_half(in).bits));
    }
};

namespace detail {

/// Twice the numbers that four bits of E2M1 can hold.
inline constexpr float e2m1_doubled[16] = {0.0f, 1.0f,  2.0f,  3.0f,  4.0f,  6.0f,  8.0f,  12.0f,
                                           0.0f, -1.0f, -2.0f, -3.0f, -4.0f, -6.0f, -8.0f, -12.0f};

/// The code whose number times `scale` is nearest to x; the first one of equals.
inline unsigned nearest_e2m1(float x, float scale) noexcept
{
    unsigned best = 0;
    float least = std::fabs(strict_product(e2m1_doubled[0], scale) - x);
    for (unsigned code = 1; code < 16; ++code) {
        const float off = std::fabs(strict_product(e2m1_doubled[code], scale) - x);
        if (off < least) {
            best = code;
            least = off;
        }
    }
    return best;
}

inline float largest_magnitude(const float* x, std::size_t size) noexcept
{
    float largest = 0.0f;
    for (std::size_t i = 0; i < size; ++i)
        if (std::fabs(x[i]) > largest) largest = std::fabs(x[i]);
    return largest;
}

/// Codes of `2 * half` elements to nibbles: i and i + half share a byte; and back.
inline void pack_e2m1(const float* x, float scale, std::size_t half, std::byte* out) noexcept
{
    for (std::size_t i = 0; i < half; ++i)
        out[i] = static_cast<std::byte>(nearest_e2m1(x[i], scale) | nearest_e2m1(x[i + half], scale) << 4);
}

inline void unpack_e2m1(const std::byte* in, float scale, std::size_t half, float* out) noexcept
{
    for (std::size_t i = 0; i < half; ++i) {
        const unsigned both = std::to_integer<unsigned>(in[i]);
        out[i] = e2m1_doubled[both & 15] * scale;
        out[i + half] = e2m1_doubled[both >> 4] * scale;
    }
}

} // namespace detail

/// MXFP4: 32 numbers of E2M1 with a power of two.
struct mxfp4_format {
    static constexpr std::size_t columns = 32;
    static void pack(const float* x, std::byte* out) noexcept
    {
        const float largest = detail::largest_magnitude(x, 32);
        int exponent = 0;
        if (largest > 0.0f && largest < 0x1p127f * 2.0f)
            exponent = static_cast<int>(std::floor(std::log2(largest))) - 2 + 127;
        out[0] = static_cast<std::byte>(exponent & 0xFF);
        detail::pack_e2m1(x, scale_of(out[0]), 16, out + 1);
    }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        detail::unpack_e2m1(in + 1, scale_of(in[0]), 16, out);
    }

private:
    /// 2^(E - 128): half of what the exponent means, as the table holds doubled numbers.
    static float scale_of(std::byte stored) noexcept
    {
        const auto exponent = std::to_integer<std::uint32_t>(stored);
        return std::bit_cast<float>(exponent < 2 ? 0x00200000u << exponent : (exponent - 1) << 23);
    }
};

/// NVFP4: four times 16 numbers of E2M1, each with an unsigned E4M3 scale.
struct nvfp4_format {
    static constexpr std::size_t columns = 64;
    static void pack(const float* x, std::byte* out) noexcept
    {
        for (std::size_t s = 0; s < 4; ++s) {
            const float largest = detail::largest_magnitude(x + 16 * s, 16);
            out[s] = static_cast<std::byte>(encode_scale(largest / 6.0f));
            detail::pack_e2m1(x + 16 * s, scale_of(out[s]), 8, out + 4 + 8 * s);
        }
    }
    static void unpack(const std::byte* in, float* out) noexcept
    {
        for (std::size_t s = 0; s < 4; ++s) detail::unpack_e2m1(in + 4 + 8 * s, scale_of(in[s]), 8, out + 16 * s);
    }

private:
    static std::uint8_t encode_scale(float value) noexcept
    {
        if (!(value > 0.0f)) return 0;
        const float capped = value > 448.0f ? 448.0f : value;
        const auto bits = std::bit_cast<std::uint32_t>(capped);
        const int exponent = static_cast<int>(bits >> 23) - 127 + 7;
        if (exponent <= 0) {
            const int mantissa = static_cast<int>(strict_product(capped, 512.0f) + 0.5f);
            return static_cast<std::uint8_t>(mantissa > 7 ? 7 : mantissa);
        }
        std::uint32_t mantissa = bits >> 20 & 7u;
        std::uint32_t field = static_cast<std::uint32_t>(exponent);
        if (bits >> 19 & 1u) ++mantissa;
        if (mantissa == 8) {
            mantissa = 0;
            ++field;
        }
        return static_cast<std::uint8_t>(field >= 15 ? 0x7E : field << 3 | mantissa);
    }
    /// Half of the E4M3 number, as the table holds doubled ones.
    static float scale_of(std::byte stored) noexcept
    {
        const unsigned code = std::to_integer<unsigned>(stored) & 0xFFu;
        if (code == 0 || code == 0x7F) return 0.0f;
        const int exponent = static_cast<int>(code >> 3 & 15u);
        const auto mantissa = static_cast<float>(code & 7u);
        if (exponent == 0) return mantissa * 0x1p-10f;
        return std::ldexp(1.0f + mantissa / 8.0f, exponent - 8);
    }
};

/// Calls `task` with the format struct of a type whose numbers are floats; whether it is one.
template <class Task>
constexpr bool with_float_format(type wanted, Task&& task)
{
    switch (wanted) {
    case type::f32:
        return task(f32_format{}), true;
    case type::f16:
        return task(f16_format{}), true;
    case type::bf16:
        return task(bf16_format{}), true;
    case type::mxfp4:
        return task(mxfp4_format{}), true;
    case type::nvfp4:
        return task(nvfp4_format{}), true;
    default:
        return false;
    }
}

} // namespace awq::gguf

#endif
