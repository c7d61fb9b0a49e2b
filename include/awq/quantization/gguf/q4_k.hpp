// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_Q4_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q4_K_HPP

#include <awq/quantization/gguf/affine_k.hpp>

namespace awq::gguf {

/// Q4_K: 8 groups of 32 elements; half d and dmin, eight 6-bit scales and minimums, 4-bit codes.
struct q4_k : detail::affine_integers<63> {
    static constexpr type id = type::q4_k;
    static constexpr std::size_t groups = 8;
    static constexpr int max_code = 15;
    static constexpr std::uint8_t max_packed = 63;
    static constexpr bool rms_in_weights = true;
    static constexpr bool absolute_error = false;
    static constexpr float energy_factor = 2.0f;
    static constexpr affine_candidates candidates{15.0f, -1.0f, 0.1f, 20};
    static constexpr affine_candidates weighted_candidates{15.0f, -0.9f, 0.05f, 36};

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q4_k, L>(blocks, count, grids, codes);
    }
    /// What is left of integers that a negative scale made too large: with importance ggml packs
    /// all their bits, and spoils others.
    static void limit_integers(block_grid& grid, bool weighted) noexcept
    {
        if (!weighted) return detail::limit_to_six_bits(grid);
        std::byte packed[12];
        detail::pack_six_bits(grid, packed);
        detail::unpack_six_bits(packed, grid);
    }
    /// The effective scales and offsets, from what is stored.
    static void complete(block_grid& grid) noexcept { detail::complete_affine_grid<q4_k>(grid); }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        detail::put_half(grid.dmin, out + 2);
        detail::pack_six_bits(grid, out + 4);
        detail::pack_nibbles(codes, out + 16);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, 0, max_code);
        grid.d = detail::get_half(in);
        grid.dmin = detail::get_half(in + 2);
        detail::unpack_six_bits(in + 4, grid);
        complete(grid);
        detail::unpack_nibbles(in + 16, codes);
        return grid;
    }
};

} // namespace awq::gguf

#endif
