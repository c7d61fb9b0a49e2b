// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_IQ4_NL_HPP
#define AWQ_QUANTIZATION_GGUF_IQ4_NL_HPP

#include <awq/quantization/gguf/legacy.hpp>

namespace awq::gguf {

/// IQ4_NL: blocks of 32 elements, half d, 4-bit codes of a table of 16 uneven levels.
struct iq4_nl {
    static constexpr type id = type::iq4_nl;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        alignas(sizeof(L)) float x[32 * L::count];
        alignas(sizeof(L)) float w[32 * L::count];
        alignas(sizeof(L)) float levels[32 * L::count];
        alignas(sizeof(L)) float d[L::count];
        detail::interleave_values<L::count>(blocks, count, x);
        detail::square_all<32, L>(x, w);
        if (blocks[0].importance != nullptr) {
            const L base = L(2.0f) * detail::sum_interleaved<32, L>(w) / L(32.0f);
            detail::interleave_importance<L::count>(blocks, count, w);
            detail::weights_from_importance<32>(x, w, base, w);
        }
        const level_table<L> table;
        const L scale = search_scale<L>(x, w, table);
        scale.store(d);
        const L inverse = detail::inverse_or_zero(scale);
        for (std::size_t i = 0; i < 32 * L::count; i += L::count)
            table.code(L::load(x + i) * inverse).store(levels + i);
        detail::finish_legacy<L>(id, 8, 15, d, nullptr, levels, count, grids, codes);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        detail::pack_halves(codes, out + 2);
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, 8, 15);
        grid.d = detail::get_half(in);
        grid.scale[0] = detail::as_read(grid.d);
        detail::unpack_halves(in + 2, codes);
        return grid;
    }

private:
    /// The levels, and the middle between each one and the one before, once for each lane.
    template <class L>
    struct level_table {
        alignas(sizeof(L)) float level[16 * L::count];
        alignas(sizeof(L)) float middle[16 * L::count];

        level_table() noexcept
        {
            for (std::size_t i = 0; i < 16 * L::count; ++i) {
                const std::size_t code = i / L::count;
                const std::size_t before = code > 0 ? code - 1 : 0;
                level[i] = iq4_nl_levels[code];
                middle[i] = 0.5f * (level[i] + static_cast<float>(iq4_nl_levels[before]));
            }
        }
        /// The nearest level, the upper one of two that are equally near.
        [[gnu::always_inline]] L round(const L& position) const noexcept
        {
            L best = L::load(level);
#pragma GCC unroll 16
            for (std::size_t i = L::count; i < 16 * L::count; i += L::count)
                best = select(position < L::load(middle + i), best, L::load(level + i));
            return best;
        }
        [[gnu::always_inline]] L code(const L& position) const noexcept
        {
            L best(0.0f);
            for (std::size_t i = L::count; i < 16 * L::count; i += L::count)
                best = best + select(position < L::load(middle + i), L(0.0f), L(1.0f));
            return best;
        }
    };

    template <class L>
    [[gnu::always_inline]] static detail::correlation<L> correlate(const float* x, const float* w, const L& factor,
                                                                   const level_table<L>& table) noexcept
    {
        detail::correlation<L> sums;
        for (std::size_t i = 0; i < 32 * L::count; i += L::count) {
            const L value = L::load(x + i);
            const L level = table.round(factor * value);
            const L weight = L::load(w + i) * level;
            sums.with_values += weight * value;
            sums.with_levels += weight * level;
        }
        return sums;
    }
    template <class L>
    [[gnu::always_inline]] static L search_scale(const float* x, const float* w, const level_table<L>& table) noexcept
    {
        const L peak = extreme<32, L>(x);
        const L first = -peak / L(static_cast<float>(iq4_nl_levels[0]));
        auto sums = correlate(x, w, L(1.0f) / first, table);
        L scale = sums.ratio();
        L best = scale * sums.with_values;
        for (int k = -7; k <= 7; ++k) {
            sums = correlate(x, w, L(static_cast<float>(k + iq4_nl_levels[0])) / peak, table);
            const auto better =
                (sums.with_levels > L(0.0f)) & (sums.with_values * sums.with_values > best * sums.with_levels);
            scale = select(better, sums.with_values / sums.with_levels, scale);
            best = select(better, scale * sums.with_values, best);
        }
        return select(absolute(peak) < L(negligible), L(0.0f), scale);
    }
};

} // namespace awq::gguf

#endif
