// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_IQ4_NL_HPP
#define AWQ_QUANTIZATION_GGUF_IQ4_NL_HPP

#include <awq/quantization/gguf/legacy.hpp>

namespace awq::gguf {

/// IQ4_NL: blocks of 32 elements, half d, 4-bit codes of a table of 16 uneven levels.
struct iq4_nl {
    static constexpr type id = type::iq4_nl;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count,
                                           block_grid* grids, std::uint8_t* codes) noexcept
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
        const L scale = search_scale<L>(x, w);
        scale.store(d);
        const L inverse = detail::inverse_or_zero(scale);
        for (std::size_t i = 0; i < 32 * L::count; i += L::count)
            round(L::load(x + i) * inverse).code.store(levels + i);
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
    template <class L>
    struct rounded {
        L level;
        L code;
    };

    /// The nearest level of the table, the upper one of two that are equally near.
    template <class L>
    [[gnu::always_inline]] static rounded<L> round(const L& position) noexcept
    {
        rounded<L> best{L(static_cast<float>(iq4_nl_levels[0])), L(0.0f)};
        for (int code = 1; code < 16; ++code) {
            const auto level = static_cast<float>(iq4_nl_levels[code]);
            const float middle = 0.5f * (level + static_cast<float>(iq4_nl_levels[code - 1]));
            const auto below = position < L(middle);
            best.level = select(below, best.level, L(level));
            best.code = select(below, best.code, L(static_cast<float>(code)));
        }
        return best;
    }
    template <class L>
    [[gnu::always_inline]] static detail::correlation<L> correlate(const float* x, const float* w,
                                                                   const L& factor) noexcept
    {
        detail::correlation<L> sums;
        for (std::size_t i = 0; i < 32 * L::count; i += L::count) {
            const L value = L::load(x + i);
            const L level = round(factor * value).level;
            const L weight = L::load(w + i) * level;
            sums.with_values += weight * value;
            sums.with_levels += weight * level;
        }
        return sums;
    }
    template <class L>
    [[gnu::always_inline]] static L search_scale(const float* x, const float* w) noexcept
    {
        const L peak = extreme<32, L>(x);
        const L first = -peak / L(static_cast<float>(iq4_nl_levels[0]));
        auto sums = correlate(x, w, L(1.0f) / first);
        L scale = sums.ratio();
        L best = scale * sums.with_values;
        for (int k = -7; k <= 7; ++k) {
            sums = correlate(x, w, L(static_cast<float>(k + iq4_nl_levels[0])) / peak);
            const auto better = (sums.with_levels > L(0.0f)) &
                                (sums.with_values * sums.with_values > best * sums.with_levels);
            scale = select(better, sums.with_values / sums.with_levels, scale);
            best = select(better, scale * sums.with_values, best);
        }
        return select(absolute(peak) < L(negligible), L(0.0f), scale);
    }
};

} // namespace awq::gguf

#endif
