// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_TWO_BIT_PLANES_HPP
#define AWQ_QUANTIZATION_GGUF_TWO_BIT_PLANES_HPP

#include <cstddef>
#include <cstdint>

namespace awq::gguf::detail {

/// 256 two-bit numbers in 64 bytes, as Q2_K, Q3_K and Q6_K store them: each byte holds elements
/// that are 32 apart, of one half of the block.
inline void pack_two_bits(const std::uint8_t* numbers, unsigned shift, std::byte* out) noexcept
{
    for (std::size_t half = 0; half < 2; ++half)
        for (std::size_t l = 0; l < 32; ++l) {
            const std::uint8_t* from = numbers + 128 * half + l;
            unsigned packed = 0;
            for (std::size_t k = 0; k < 4; ++k) packed |= (from[32 * k] >> shift & 3u) << 2 * k;
            out[32 * half + l] = static_cast<std::byte>(packed);
        }
}

/// Adds them, shifted left by `shift`, to the codes.
inline void unpack_two_bits(const std::byte* in, unsigned shift, std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < 256; ++i) {
        const unsigned packed = std::to_integer<unsigned>(in[32 * (i / 128) + i % 32]);
        const unsigned number = packed >> 2 * (i % 128 / 32) & 3u;
        codes[i] = static_cast<std::uint8_t>(codes[i] | number << shift);
    }
}

} // namespace awq::gguf::detail

#endif
