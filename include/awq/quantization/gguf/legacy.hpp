// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_LEGACY_HPP
#define AWQ_QUANTIZATION_GGUF_LEGACY_HPP

#include <awq/quantization/gguf/block_support.hpp>
#include <awq/quantization/gguf/search.hpp>

// The blocks of 32 elements with one scale: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.

namespace awq::gguf {

namespace detail {

/// The values (or the importance) of up to C blocks, interleaved; the first one fills up the rest.
template <std::size_t C>
[[gnu::always_inline]] inline void interleave_values(const block_source* blocks, std::size_t count, float* out) noexcept
{
    const float* sources[C];
    for (std::size_t j = 0; j < C; ++j) sources[j] = blocks[j < count ? j : 0].values;
    interleave<32>(sources, out);
}

template <std::size_t C>
[[gnu::always_inline]] inline void interleave_importance(const block_source* blocks, std::size_t count,
                                                         float* out) noexcept
{
    const float* sources[C];
    for (std::size_t j = 0; j < C; ++j) sources[j] = blocks[j < count ? j : 0].importance;
    interleave<32>(sources, out);
}

/// importance * sqrt(mean square of the row + x^2).
template <class L>
[[gnu::always_inline]] inline void legacy_weights(const block_source* blocks, std::size_t count, const float* x,
                                                  float* w) noexcept
{
    alignas(sizeof(L)) float base[L::count];
    for (std::size_t j = 0; j < L::count; ++j) base[j] = blocks[j < count ? j : 0].row_mean_square;
    interleave_importance<L::count>(blocks, count, w);
    weights_from_importance<32>(x, w, L::load(base), w);
}

/// 1 / d, or 0 where d is 0.
template <class L>
[[gnu::always_inline]] inline L inverse_or_zero(const L& d) noexcept
{
    return select(d != L(0.0f), L(1.0f) / d, L(0.0f));
}

/// Whole numbers towards zero, at most `top`; 0 for what is no number from 0 to 255, as a
/// conversion on x86 that keeps the lowest byte has it.
template <class L>
[[gnu::always_inline]] inline L truncated_code(const L& a, float top) noexcept
{
    const auto usable = (a > L(0.0f)) & (a < L(256.0f));
    const L safe = select(usable, a, L(0.0f));
    const L whole = whole_part(safe);
    return smaller(whole, L(top));
}

/// The nearest whole number, ties away from zero; 0 for what is no number.
template <class L>
[[gnu::always_inline]] inline L rounded_away(const L& a) noexcept
{
    const L safe = select(absolute(a) < L(0x1p22f), a, L(0.0f));
    const L whole = whole_part(safe);
    const L rest = safe - whole;
    const L up = select(rest < L(-0.5f), L(-1.0f), select(rest == L(-0.5f), L(-1.0f), L(0.0f)));
    return whole + select((rest > L(0.5f)) | (rest == L(0.5f)), L(1.0f), up);
}

/// Hands scales, offsets and codes of the lanes to the grids.
template <class L>
[[gnu::always_inline]] inline void finish_legacy(type format, int zero_code, int max_code, const float* d,
                                                 const float* offset, const float* levels, std::size_t count,
                                                 block_grid* grids, std::uint8_t* codes) noexcept
{
    for (std::size_t b = 0; b < count; ++b) {
        grids[b] = new_grid(format, 32, zero_code, max_code);
        grids[b].d = f16(d[b]);
        grids[b].scale[0] = as_read(grids[b].d);
        if (offset != nullptr) {
            grids[b].dmin = f16(offset[b]);
            grids[b].offset[0] = as_read(grids[b].dmin);
        }
        take_codes<32, L::count>(levels, b, codes + 32 * b);
    }
}

/// Codes 0 .. 2 * half - 1 for the levels -half .. half - 1: Q4_0 and Q5_0.
template <class L>
[[gnu::always_inline]] inline void fit_symmetric_32(type format, int half, const block_source* blocks,
                                                    std::size_t count, block_grid* grids, std::uint8_t* codes) noexcept
{
    alignas(sizeof(L)) float x[32 * L::count];
    alignas(sizeof(L)) float w[32 * L::count];
    alignas(sizeof(L)) float levels[32 * L::count];
    alignas(sizeof(L)) float d[L::count];
    const auto bound = static_cast<float>(half);
    interleave_values<L::count>(blocks, count, x);
    if (blocks[0].importance != nullptr) {
        legacy_weights<L>(blocks, count, x, w);
        search_symmetric<32, L>(x, w, bound, levels).store(d);
    } else {
        const L scale = extreme<32, L>(x) / L(-bound);
        const L inverse = inverse_or_zero(scale);
        for (std::size_t i = 0; i < 32 * L::count; i += L::count)
            truncated_code(L::load(x + i) * inverse + L(bound + 0.5f), 2.0f * bound - 1.0f).store(levels + i);
        scale.store(d);
    }
    finish_legacy<L>(format, half, 2 * half - 1, d, nullptr, levels, count, grids, codes);
}

/// Scale and offset from the range, for want of importance: Q4_1 and Q5_1.
template <class L>
[[gnu::always_inline]] inline void spread_over_range(const float* x, float top, float* levels, float* d,
                                                     float* offset) noexcept
{
    L lowest = L::load(x);
    L highest = lowest;
    for (std::size_t i = 0; i < 32 * L::count; i += L::count) {
        lowest = smaller(L::load(x + i), lowest);
        highest = larger(L::load(x + i), highest);
    }
    const L scale = (highest - lowest) / L(top);
    const L inverse = inverse_or_zero(scale);
    for (std::size_t i = 0; i < 32 * L::count; i += L::count)
        truncated_code((L::load(x + i) - lowest) * inverse + L(0.5f), top).store(levels + i);
    scale.store(d);
    lowest.store(offset);
}

template <class L>
[[gnu::always_inline]] inline void fit_affine_32(type format, float top, const block_source* blocks, std::size_t count,
                                                 block_grid* grids, std::uint8_t* codes) noexcept
{
    alignas(sizeof(L)) float x[32 * L::count];
    alignas(sizeof(L)) float w[32 * L::count];
    alignas(sizeof(L)) float levels[32 * L::count];
    alignas(sizeof(L)) float d[L::count];
    alignas(sizeof(L)) float offset[L::count];
    interleave_values<L::count>(blocks, count, x);
    if (blocks[0].importance != nullptr) {
        legacy_weights<L>(blocks, count, x, w);
        const affine_candidates candidates{top, -0.9f, 0.05f, 36};
        const auto best = search_affine<32, false, L>(x, w, candidates, levels);
        best.scale.store(d);
        (-best.minimum).store(offset);
    } else {
        spread_over_range<L>(x, top, levels, d, offset);
    }
    const int max_code = static_cast<int>(top);
    finish_legacy<L>(format, 0, max_code, d, offset, levels, count, grids, codes);
}

/// Elements i and i + 16 share a byte.
inline void pack_halves(const std::uint8_t* codes, std::byte* out) noexcept
{
    for (std::size_t i = 0; i < 16; ++i) out[i] = static_cast<std::byte>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
}

inline void unpack_halves(const std::byte* in, std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < 16; ++i) {
        const auto both = std::to_integer<std::uint8_t>(in[i]);
        codes[i] = both & 15;
        codes[i + 16] = static_cast<std::uint8_t>(both >> 4);
    }
}

/// The fifth bits of 32 codes, one little-endian word.
inline void pack_fifth_bits(const std::uint8_t* codes, std::byte* out) noexcept
{
    for (std::size_t i = 0; i < 4; ++i) {
        unsigned bits = 0;
        for (std::size_t j = 0; j < 8; ++j) bits |= (codes[8 * i + j] >> 4 & 1u) << j;
        out[i] = static_cast<std::byte>(bits);
    }
}

inline void unpack_fifth_bits(const std::byte* in, std::uint8_t* codes) noexcept
{
    for (std::size_t i = 0; i < 32; ++i) {
        const unsigned bit = std::to_integer<unsigned>(in[i / 8]) >> i % 8 & 1u;
        codes[i] = static_cast<std::uint8_t>(codes[i] | bit << 4);
    }
}

} // namespace detail

/// Q4_0 (Bits = 4) and Q5_0 (Bits = 5): half d, codes around a middle.
template <int Bits>
struct symmetric_32 {
    static constexpr type id = Bits == 4 ? type::q4_0 : type::q5_0;
    static constexpr int half = 1 << (Bits - 1);

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_symmetric_32<L>(id, half, blocks, count, grids, codes);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        if constexpr (Bits == 5) detail::pack_fifth_bits(codes, out + 2);
        detail::pack_halves(codes, out + (Bits == 5 ? 6 : 2));
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, half, 2 * half - 1);
        grid.d = detail::get_half(in);
        grid.scale[0] = detail::as_read(grid.d);
        detail::unpack_halves(in + (Bits == 5 ? 6 : 2), codes);
        if constexpr (Bits == 5) detail::unpack_fifth_bits(in + 2, codes);
        return grid;
    }
};

/// Q4_1 (Bits = 4) and Q5_1 (Bits = 5): half d and offset, codes from 0.
template <int Bits>
struct affine_32 {
    static constexpr type id = Bits == 4 ? type::q4_1 : type::q5_1;
    static constexpr int max_code = (1 << Bits) - 1;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        detail::fit_affine_32<L>(id, max_code, blocks, count, grids, codes);
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        detail::put_half(grid.dmin, out + 2);
        if constexpr (Bits == 5) detail::pack_fifth_bits(codes, out + 4);
        detail::pack_halves(codes, out + (Bits == 5 ? 8 : 4));
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, 0, max_code);
        grid.d = detail::get_half(in);
        grid.dmin = detail::get_half(in + 2);
        grid.scale[0] = detail::as_read(grid.d);
        grid.offset[0] = detail::as_read(grid.dmin);
        detail::unpack_halves(in + (Bits == 5 ? 8 : 4), codes);
        if constexpr (Bits == 5) detail::unpack_fifth_bits(in + 4, codes);
        return grid;
    }
};

/// Q8_0: half d, signed 8-bit codes. It takes no importance.
struct q8_0 {
    static constexpr type id = type::q8_0;
    static constexpr int zero = 128;

    template <class L>
    [[gnu::always_inline]] static void fit(const block_source* blocks, std::size_t count, block_grid* grids,
                                           std::uint8_t* codes) noexcept
    {
        for (std::size_t b = 0; b < count; ++b) {
            const float* x = blocks[b].values;
            float magnitude = 0.0f;
            for (std::size_t i = 0; i < 32; ++i) {
                const float candidate = x[i] < 0.0f ? -x[i] : x[i];
                magnitude = candidate > magnitude ? candidate : magnitude;
            }
            const float d = magnitude / 127.0f;
            const L inverse(d != 0.0f ? 1.0f / d : 0.0f);
            for (std::size_t i = 0; i < 32; i += L::count)
                detail::put_codes(detail::rounded_away(L::load(x + i) * inverse) + L(128.0f), codes + 32 * b + i);
            grids[b] = detail::new_grid(id, 32, zero, 255);
            grids[b].d = f16(d);
            grids[b].scale[0] = detail::as_read(grids[b].d);
        }
    }
    static void pack(const block_grid& grid, const std::uint8_t* codes, std::byte* out) noexcept
    {
        detail::put_half(grid.d, out);
        for (std::size_t i = 0; i < 32; ++i)
            out[2 + i] = static_cast<std::byte>(codes[i] ^ 128); // code - 128, two's complement
    }
    static block_grid unpack(const std::byte* in, std::uint8_t* codes) noexcept
    {
        block_grid grid = detail::new_grid(id, 32, zero, 255);
        grid.d = detail::get_half(in);
        grid.scale[0] = detail::as_read(grid.d);
        for (std::size_t i = 0; i < 32; ++i) codes[i] = std::to_integer<std::uint8_t>(in[2 + i]) ^ 128;
        return grid;
    }
};

struct q4_0 : symmetric_32<4> {};
struct q5_0 : symmetric_32<5> {};
struct q4_1 : affine_32<4> {};
struct q5_1 : affine_32<5> {};

} // namespace awq::gguf

#endif
