// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_Q2_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q2_K_HPP

#include <awq/quantization/gguf/affine_k.hpp>
#include <awq/quantization/gguf/two_bit_planes.hpp>

namespace awq::gguf {

/// Q2_K: 16 groups of 16 elements; 4-bit scales and minimums, 2-bit codes, half d and dmin.
struct q2_k : detail::affine_integers<15> {
    static constexpr type id = type::q2_k;
    static constexpr std::size_t groups = 16;
    static constexpr int max_code = 3;
    static constexpr std::uint8_t max_packed = 15;
    static constexpr bool rms_in_weights = false;
    static constexpr bool absolute_error = true;
    static constexpr float energy_factor = 1.0f;
    static constexpr affine_candidates candidates{3.0f, -0.5f, 0.1f, 15};
    static constexpr affine_candidates weighted_candidates{3.0f, -0.9f, 0.05f, 36};

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q2_k, L>(blocks, count, grids, codes);
    }
    /// Scale and minimum share a byte; a negative scale spoils the minimum beside it, as in ggml.
    static void limit_integers(block_grid& grid, bool) noexcept
    {
        for (std::size_t g = 0; g < groups; ++g) {
            const unsigned both = grid.packed_scale[g] | unsigned{grid.packed_minimum[g]} << 4;
            grid.packed_scale[g] = both & 15;
            grid.packed_minimum[g] = both >> 4 & 15;
        }
    }
    /// The effective scales and offsets, from what is stored.
    static void complete(block_grid& grid) noexcept { detail::complete_affine_grid<q2_k>(grid); }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        for (std::size_t g = 0; g < groups; ++g)
            out[g] = static_cast<std::byte>(grid.packed_scale[g] | grid.packed_minimum[g] << 4);
        detail::pack_two_bits(codes, 0, out + 16);
        detail::put_half(grid.d, out + 80);
        detail::put_half(grid.dmin, out + 82);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 16, 0, max_code);
        for (std::size_t g = 0; g < groups; ++g) {
            grid.packed_scale[g] = std::to_integer<std::uint8_t>(in[g]) & 15;
            grid.packed_minimum[g] = std::to_integer<std::uint8_t>(in[g] >> 4);
        }
        grid.d = detail::get_half(in + 80);
        grid.dmin = detail::get_half(in + 82);
        complete(grid);
        for (std::size_t i = 0; i < 256; ++i) codes[i] = 0;
        detail::unpack_two_bits(in + 16, 0, codes);
        return grid;
    }
};

} // namespace awq::gguf

#endif
