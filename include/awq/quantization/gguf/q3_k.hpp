// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_Q3_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q3_K_HPP

#include <awq/quantization/gguf/symmetric_k.hpp>
#include <awq/quantization/gguf/two_bit_planes.hpp>

namespace awq::gguf {

/// Q3_K: 16 groups of 16 elements; 6-bit scales, 3-bit codes in two planes, half d.
struct q3_k {
    static constexpr type id = type::q3_k;
    static constexpr std::size_t groups = 16;
    static constexpr bool has_minimum = false;
    static constexpr int lowest_scale = -32;
    static constexpr int highest_scale = 31;
    static constexpr int highest_minimum = 0;
    static constexpr int reach = 2;
    static constexpr float lowest_level = -4.0f;
    static constexpr bool values_in_weights = true;
    static constexpr bool refined_without_importance = true;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::symmetric_groups<L> found;
        for (float& unused : found.scale) unused = 0.0f;
        for (float& unused : found.weight) unused = 0.0f;
        detail::search_symmetric_groups<q3_k, L>(blocks, count, found);
        for (std::size_t b = 0; b < count; ++b) grids[b] = detail::new_grid(id, 16, 4, 7);
        if (blocks[0].importance != nullptr)
            pack_scales_by_search<L>(found, count, grids);
        else
            pack_scales_by_largest<L>(found, count, grids);
        for (std::size_t b = 0; b < count; ++b) {
            complete(grids[b]);
            detail::round_block<16, L>(blocks[b], grids[b], found.levels, b, codes + 256 * b);
        }
    }
    /// The effective scales, from what is stored.
    static void complete(block_grid& grid) noexcept
    {
        const float d = detail::as_read(grid.d);
        for (std::size_t g = 0; g < 16; ++g)
            grid.scale[g] = strict_product(d, static_cast<float>(static_cast<int>(grid.packed_scale[g]) - 32));
    }
    static int integer_scale(const block_grid& grid, std::size_t g) noexcept
    {
        return static_cast<int>(grid.packed_scale[g]) - 32;
    }
    static void set_integers(block_grid& grid, std::size_t g, int scale, int) noexcept
    {
        grid.packed_scale[g] = static_cast<std::uint8_t>(scale + 32);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        std::uint8_t high[32] = {};
        for (std::size_t g = 0; g < 8; ++g)
            for (std::size_t l = 0; l < 32; ++l)
                high[l] = static_cast<std::uint8_t>(high[l] | (codes[32 * g + l] >> 2) << g);
        for (std::size_t l = 0; l < 32; ++l) out[l] = static_cast<std::byte>(high[l]);
        detail::pack_two_bits(codes, 0, out + 32);
        pack_scales(grid.packed_scale, out + 96);
        detail::put_half(grid.d, out + 108);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 16, 4, 7);
        grid.d = detail::get_half(in + 108);
        unpack_scales(in + 96, grid.packed_scale);
        complete(grid);
        for (std::size_t i = 0; i < 256; ++i) {
            const unsigned bit = std::to_integer<unsigned>(in[i % 32]) >> i / 32 & 1u;
            codes[i] = static_cast<std::uint8_t>(bit << 2);
        }
        detail::unpack_two_bits(in + 32, 0, codes);
        return grid;
    }

private:
    template <class L>
    [[gnu::always_inline]] static void pack_scales_by_search(const detail::symmetric_groups<L>& found,
                                                             std::size_t count, block_grid* grids) noexcept
    {
        alignas(sizeof(L)) float levels[16 * L::count];
        alignas(sizeof(L)) float factors[L::count];
        search_symmetric<16, L>(found.scale, found.weight, 32.0f, levels).store(factors);
        for (std::size_t b = 0; b < count; ++b) {
            grids[b].d = f16(factors[b]);
            detail::take_codes<16, L::count>(levels, b, grids[b].packed_scale);
        }
    }
    template <class L>
    [[gnu::always_inline]] static void pack_scales_by_largest(const detail::symmetric_groups<L>& found,
                                                              std::size_t count, block_grid* grids) noexcept
    {
        alignas(sizeof(L)) float peaks[L::count];
        extreme<16, L>(found.scale).store(peaks);
        for (std::size_t b = 0; b < count; ++b) {
            if (peaks[b] == 0.0f) continue;
            const float factor = -32.0f / peaks[b];
            for (std::size_t g = 0; g < 16; ++g) {
                const one_lane scaled = one_lane(factor) * one_lane(found.scale[g * L::count + b]);
                const float level = nearest_level(scaled, -32.0f, 31.0f).value;
                grids[b].packed_scale[g] = static_cast<std::uint8_t>(static_cast<int>(level) + 32);
            }
            grids[b].d = f16(1.0f / factor);
        }
    }
    static void pack_scales(const std::uint8_t* scale, std::byte* out) noexcept
    {
        for (std::size_t j = 0; j < 8; ++j) out[j] = static_cast<std::byte>((scale[j] & 15) | (scale[j + 8] & 15) << 4);
        for (std::size_t j = 0; j < 4; ++j)
            out[8 + j] = static_cast<std::byte>(scale[j] >> 4 | (scale[j + 4] >> 4) << 2 | (scale[j + 8] >> 4) << 4 |
                                                (scale[j + 12] >> 4) << 6);
    }
    static void unpack_scales(const std::byte* in, std::uint8_t* scale) noexcept
    {
        for (std::size_t j = 0; j < 16; ++j) {
            const unsigned low = std::to_integer<unsigned>(in[j % 8]) >> 4 * (j / 8) & 15u;
            const unsigned high = std::to_integer<unsigned>(in[8 + j % 4]) >> 2 * (j / 4) & 3u;
            scale[j] = static_cast<std::uint8_t>(low | high << 4);
        }
    }
};

} // namespace awq::gguf

#endif
