// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_Q6_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q6_K_HPP

#include <awq/quantization/gguf/symmetric_k.hpp>
#include <awq/quantization/gguf/two_bit_planes.hpp>

namespace awq::gguf {

/// Q6_K: 16 groups of 16 elements; signed 8-bit scales, 6-bit codes in two planes, half d.
struct q6_k {
    static constexpr type id = type::q6_k;
    static constexpr std::size_t groups = 16;
    static constexpr bool has_minimum = false;
    static constexpr int lowest_scale = -128;
    static constexpr int highest_scale = 127;
    static constexpr int highest_minimum = 0;
    static constexpr int reach = 3;
    static constexpr float lowest_level = -32.0f;
    static constexpr bool values_in_weights = false;
    static constexpr bool refined_without_importance = false;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::symmetric_groups<L> found;
        for (float& unused : found.scale) unused = 0.0f;
        detail::search_symmetric_groups<q6_k, L>(blocks, count, found);
        alignas(sizeof(L)) float peaks[L::count];
        extreme<16, L>(found.scale).store(peaks);
        for (std::size_t b = 0; b < count; ++b) {
            grids[b] = detail::new_grid(id, 16, 32, 63);
            std::uint8_t* block_codes = codes + 256 * b;
            if ((peaks[b] < 0.0f ? -peaks[b] : peaks[b]) < negligible) {
                for (std::size_t i = 0; i < 256; ++i) block_codes[i] = 0; // all bytes are zero
                continue;
            }
            pack_scales<L::count>(found.scale + b, peaks[b], grids[b]);
            complete(grids[b]);
            detail::round_block<16, L>(blocks[b], grids[b], found.levels, b, block_codes);
        }
    }
    /// The effective scales, from what is stored.
    static void complete(block_grid& grid) noexcept
    {
        const float d = detail::as_read(grid.d);
        for (std::size_t g = 0; g < 16; ++g) {
            const auto packed = static_cast<std::int8_t>(grid.packed_scale[g]);
            grid.scale[g] = strict_product(d, static_cast<float>(packed));
        }
    }
    static int integer_scale(const block_grid& grid, std::size_t g) noexcept
    {
        return static_cast<std::int8_t>(grid.packed_scale[g]);
    }
    static void set_integers(block_grid& grid, std::size_t g, int scale, int) noexcept
    {
        grid.packed_scale[g] = static_cast<std::uint8_t>(scale);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        for (std::size_t half = 0; half < 2; ++half)
            for (std::size_t l = 0; l < 64; ++l) {
                const std::uint8_t* from = codes + 128 * half + l;
                out[64 * half + l] = static_cast<std::byte>((from[0] & 15) | (from[64] & 15) << 4);
            }
        detail::pack_two_bits(codes, 4, out + 128);
        for (std::size_t g = 0; g < 16; ++g) out[192 + g] = static_cast<std::byte>(grid.packed_scale[g]);
        detail::put_half(grid.d, out + 208);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 16, 32, 63);
        grid.d = detail::get_half(in + 208);
        for (std::size_t g = 0; g < 16; ++g) grid.packed_scale[g] = std::to_integer<std::uint8_t>(in[192 + g]);
        complete(grid);
        for (std::size_t half = 0; half < 2; ++half)
            for (std::size_t l = 0; l < 64; ++l) {
                const auto both = std::to_integer<std::uint8_t>(in[64 * half + l]);
                codes[128 * half + l] = both & 15;
                codes[128 * half + 64 + l] = static_cast<std::uint8_t>(both >> 4);
            }
        detail::unpack_two_bits(in + 128, 4, codes);
        return grid;
    }

private:
    template <std::size_t C>
    static void pack_scales(const float* scales, float peak, block_grid& grid) noexcept
    {
        const float factor = -128.0f / peak;
        for (std::size_t g = 0; g < 16; ++g) {
            const int level = nearest(strict_product(factor, scales[g * C]));
            grid.packed_scale[g] = static_cast<std::uint8_t>(level > 127 ? 127 : level);
        }
        grid.d = f16(1.0f / factor);
    }
};

} // namespace awq::gguf

#endif
