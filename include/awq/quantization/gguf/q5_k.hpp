// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_Q5_K_HPP
#define AWQ_QUANTIZATION_GGUF_Q5_K_HPP

#include <awq/quantization/gguf/affine_k.hpp>

namespace awq::gguf {

/// Q5_K: as Q4_K with a fifth bit of each code in 32 bytes of their own.
struct q5_k : detail::affine_integers<63> {
    static constexpr type id = type::q5_k;
    static constexpr std::size_t groups = 8;
    static constexpr int max_code = 31;
    static constexpr std::uint8_t max_packed = 63;
    static constexpr bool rms_in_weights = true;
    static constexpr bool absolute_error = false;
    static constexpr float energy_factor = 2.0f;
    static constexpr affine_candidates candidates{31.0f, -0.5f, 0.1f, 15};
    static constexpr affine_candidates weighted_candidates{31.0f, -0.9f, 0.05f, 36};

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_affine<q5_k, L>(blocks, count, grids, codes);
    }
    static void limit_integers(block_grid& grid, bool) noexcept { detail::limit_to_six_bits(grid); }
    /// The effective scales and offsets, from what is stored.
    static void complete(block_grid& grid) noexcept { detail::complete_affine_grid<q5_k>(grid); }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        detail::put_half(grid.dmin, out + 2);
        detail::pack_six_bits(grid, out + 4);
        std::uint8_t high[32] = {};
        for (std::size_t g = 0; g < groups; ++g)
            for (std::size_t l = 0; l < 32; ++l)
                high[l] = static_cast<std::uint8_t>(high[l] | (codes[32 * g + l] >> 4) << g);
        for (std::size_t l = 0; l < 32; ++l) out[16 + l] = static_cast<std::byte>(high[l]);
        detail::pack_nibbles(codes, out + 48);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, 0, max_code);
        grid.d = detail::get_half(in);
        grid.dmin = detail::get_half(in + 2);
        detail::unpack_six_bits(in + 4, grid);
        complete(grid);
        detail::unpack_nibbles(in + 48, codes);
        for (std::size_t g = 0; g < groups; ++g)
            for (std::size_t l = 0; l < 32; ++l) {
                const unsigned bit = std::to_integer<unsigned>(in[16 + l]) >> g & 1u;
                codes[32 * g + l] = static_cast<std::uint8_t>(codes[32 * g + l] | bit << 4);
            }
        return grid;
    }
};

} // namespace awq::gguf

#endif
