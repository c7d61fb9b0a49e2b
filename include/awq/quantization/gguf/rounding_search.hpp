// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_ROUNDING_SEARCH_HPP
#define AWQ_QUANTIZATION_GGUF_ROUNDING_SEARCH_HPP

#include <awq/quantization/gguf/block_support.hpp>

#include <cstddef>
#include <cstdint>

// A better rounding for the same formats: starting from ggml's choice, the stored integers of each
// group and the block's halves are moved in turn while the error, weighted with the importance
// alone, gets smaller. What comes out is an ordinary block of the format.

namespace awq::gguf {

/// How blocks are rounded.
enum class rounding : unsigned char {
    exact, ///< ggml's search: llama.cpp's bytes
    best,  ///< a longer search for less weighted error; files of the same format
};

namespace detail {

/// Sums of every 16th element, whatever the number of lanes, so that the bytes of a file do not depend
/// on the instruction set that wrote it.
template <class L>
struct sixteen_sums {
    static constexpr std::size_t size = 16, parts = size / L::count;

    L part[parts];

    /// All of them, by halves: each and the one half of the way behind it.
    [[gnu::always_inline]] float total() const noexcept
    {
        alignas(64) float each[size];
        for (std::size_t p = 0; p < parts; ++p) part[p].store(each + p * L::count);
        for (std::size_t half = size / 2; half > 0; half /= 2)
            for (std::size_t i = 0; i < half; ++i) each[i] += each[i + half];
        return each[0];
    }
};

/// What one block is compared with.
struct rounding_target {
    const float* x;
    const float* w; ///< the importance, or ones
    std::size_t columns;
};

/// The weighted squared error of group `g` with another scale and offset, each element rounded to
/// its nearest code.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline float group_error(const rounding_target& target, const block_grid& grid, std::size_t g,
                                                float scale, float offset) noexcept
{
    const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    const auto zero = static_cast<float>(grid.zero_code);
    const auto highest = static_cast<float>(grid.max_code - grid.zero_code);
    sixteen_sums<L> error;
    for (std::size_t i = g * Size; i < (g + 1) * Size;)
        for (std::size_t p = 0; p < error.parts; ++p, i += L::count) {
            const L x = L::load(target.x + i) - L(offset);
            const L off = x - L(scale) * nearest_level(x * L(inverse), -zero, highest);
            error.part[p] += L::load(target.w + i) * off * off;
        }
    return error.total();
}

/// Sums over levels l of the block, for the best d and dmin at given integers: with a = ls * l and
/// b = lm of each element's group, x is about d * a - dmin * b.
struct level_sums {
    double aa = 0.0, ab = 0.0, bb = 0.0, ax = 0.0, bx = 0.0;
};

template <std::size_t Size, class L>
[[gnu::always_inline]] inline void add_group(const rounding_target& target, const block_grid& grid, std::size_t g,
                                             float integer_scale, float integer_minimum, level_sums& sums) noexcept
{
    const float inverse = grid.scale[g] != 0.0f ? 1.0f / grid.scale[g] : 0.0f;
    const auto zero = static_cast<float>(grid.zero_code);
    const auto highest = static_cast<float>(grid.max_code - grid.zero_code);
    sixteen_sums<L> w_sum, wl, wll, wlx, wx;
    for (std::size_t i = g * Size; i < (g + 1) * Size;)
        for (std::size_t p = 0; p < wl.parts; ++p, i += L::count) {
            const L x = L::load(target.x + i);
            const L w = L::load(target.w + i);
            const L level = nearest_level((x - L(grid.offset[g])) * L(inverse), -zero, highest);
            w_sum.part[p] += w;
            wl.part[p] += w * level;
            wll.part[p] += w * level * level;
            wlx.part[p] += w * level * x;
            wx.part[p] += w * x;
        }
    const double s = integer_scale;
    const double m = integer_minimum;
    sums.aa += s * s * static_cast<double>(wll.total());
    sums.ab += s * m * static_cast<double>(wl.total());
    sums.bb += m * m * static_cast<double>(w_sum.total());
    sums.ax += s * static_cast<double>(wlx.total());
    sums.bx += m * static_cast<double>(wx.total());
}

/// d and dmin of least squares; whether the sums determine them.
inline bool solve(const level_sums& s, bool has_minimum, float& d, float& dmin) noexcept
{
    if (!has_minimum || s.bb <= 0.0) {
        if (!(s.aa > 0.0)) return false;
        d = static_cast<float>(s.ax / s.aa);
        return true;
    }
    const double determinant = s.aa * s.bb - s.ab * s.ab;
    if (!(determinant > 1e-9 * s.aa * s.bb)) return false;
    d = static_cast<float>((s.ax * s.bb - s.bx * s.ab) / determinant);
    dmin = static_cast<float>((s.ax * s.ab - s.bx * s.aa) / determinant);
    return true;
}

/// Tries the integers s and m for one group and keeps them where the error falls.
template <class Format, class L>
[[gnu::always_inline]] inline void try_integers(const rounding_target& target, block_grid& grid, std::size_t g, int s,
                                                int m, float& error) noexcept
{
    if (s < Format::lowest_scale || s > Format::highest_scale) return;
    if (m < 0 || m > Format::highest_minimum) return;
    const float scale = strict_product(as_read(grid.d), static_cast<float>(s));
    const float offset = -strict_product(as_read(grid.dmin), static_cast<float>(m));
    const float trial = group_error<256 / Format::groups, L>(target, grid, g, scale, offset);
    if (!(trial < error)) return;
    error = trial;
    Format::set_integers(grid, g, s, m);
}

/// Moves the integers of one group by up to `Format::reach` while the error falls; scales that may
/// be negative are mirrored as well, since the levels reach one further on one side.
template <class Format, class L>
[[gnu::always_inline]] inline void improve_group(const rounding_target& target, block_grid& grid, std::size_t g,
                                                 float error) noexcept
{
    const int scale_at = Format::integer_scale(grid, g);
    const int minimum_at = grid.packed_minimum[g];
    const int minimum_reach = Format::has_minimum ? Format::reach : 0;
    for (int s = -Format::reach; s <= Format::reach; ++s) {
        for (int m = -minimum_reach; m <= minimum_reach; ++m)
            try_integers<Format, L>(target, grid, g, scale_at + s, minimum_at + m, error);
        if (!Format::has_minimum) try_integers<Format, L>(target, grid, g, -scale_at + s, minimum_at, error);
    }
}

/// The error of the whole block, group by group.
template <class Format, class L>
[[gnu::always_inline]] inline float block_errors(const rounding_target& target, const block_grid& grid,
                                                 float* errors) noexcept
{
    float total = 0.0f;
    for (std::size_t g = 0; g < Format::groups; ++g) {
        errors[g] = group_error<256 / Format::groups, L>(target, grid, g, grid.scale[g], grid.offset[g]);
        total += errors[g];
    }
    return total;
}

/// Replaces the halves of the block by those of least squares, then the integers of the groups.
template <class Format, class L>
[[gnu::always_inline]] inline block_grid next_grid(const rounding_target& target, const block_grid& from) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    level_sums sums;
    for (std::size_t g = 0; g < Format::groups; ++g)
        add_group<size, L>(target, from, g, static_cast<float>(Format::integer_scale(from, g)),
                           static_cast<float>(from.packed_minimum[g]), sums);
    block_grid next = from;
    float d = as_read(from.d);
    float dmin = as_read(from.dmin);
    if (solve(sums, Format::has_minimum, d, dmin)) {
        next.d = f16(d);
        next.dmin = f16(dmin < 0.0f ? 0.0f : dmin);
    }
    Format::complete(next);
    float errors[Format::groups];
    block_errors<Format, L>(target, next, errors);
    for (std::size_t g = 0; g < Format::groups; ++g) improve_group<Format, L>(target, next, g, errors[g]);
    Format::complete(next);
    return next;
}

/// Looks for a grid with less error than the one that was fitted, and rounds onto it.
template <class Format, class L>
[[gnu::always_inline]] inline void improve_super_block(const rounding_target& target, block_grid& grid,
                                                       std::uint8_t* codes) noexcept
{
    constexpr std::size_t size = 256 / Format::groups;
    float errors[Format::groups];
    float best = block_errors<Format, L>(target, grid, errors);
    block_grid current = grid;
    for (int round = 0; round < 6; ++round) {
        current = next_grid<Format, L>(target, current);
        const float error = block_errors<Format, L>(target, current, errors);
        if (!(error < best)) break;
        best = error;
        grid = current;
    }
    for (std::size_t g = 0; g < Format::groups; ++g)
        if (grid.scale[g] != 0.0f) round_group<size, L>(target.x + g * size, grid, g, codes + g * size);
}

/// The error of a block of 32 elements and the sums for its next scale and offset.
template <class L>
[[gnu::always_inline]] inline float assess_32(const rounding_target& target, const block_grid& grid,
                                              level_sums& sums) noexcept
{
    if (!grid.has_level_table()) {
        add_group<32, L>(target, grid, 0, 1.0f, 1.0f, sums);
        return group_error<32, L>(target, grid, 0, grid.scale[0], grid.offset[0]);
    }
    double error = 0.0;
    for (std::size_t i = 0; i < 32; ++i) {
        const double w = target.w[i], x = target.x[i];
        const double level = grid.level(grid.nearest(i, target.x[i]));
        const double off = grid.scale[0] * level - x;
        error += w * off * off;
        sums.aa += w * level * level;
        sums.ax += w * level * x;
    }
    return static_cast<float>(error);
}

/// The least error that is reached from the d and offset of `grid` by going to least squares a few
/// times; `grid` becomes the best one seen.
template <class L>
[[gnu::always_inline]] inline float descend_32(const rounding_target& target, bool has_offset,
                                               block_grid& grid) noexcept
{
    float best = 0.0f;
    block_grid trial = grid;
    for (int round = 0; round < 4; ++round) {
        trial.scale[0] = as_read(trial.d);
        if (has_offset) trial.offset[0] = as_read(trial.dmin);
        level_sums sums;
        const float error = assess_32<L>(target, trial, sums);
        if (round > 0 && !(error < best)) break;
        best = error;
        grid = trial;
        float d = trial.scale[0];
        float negated_offset = -trial.offset[0];
        if (!solve(sums, has_offset, d, negated_offset)) break;
        trial.d = f16(d);
        if (has_offset) trial.dmin = f16(-negated_offset);
    }
    return best;
}

/// Scale and offset of a block of 32 elements, from several starts; the levels of formats without
/// an offset reach further on one side, so both signs are tried.
template <class L>
[[gnu::always_inline]] inline void improve_block_32(const rounding_target& target, block_grid& grid,
                                                    std::uint8_t* codes) noexcept
{
    const bool has_offset = grid.zero_code == 0;
    const float d = as_read(grid.d);
    const float middle = 0.5f * static_cast<float>(grid.max_code) * d;
    block_grid found = grid;
    float best = descend_32<L>(target, has_offset, found);
    for (int step = -6; step <= 6; ++step)
        for (int sign = 1; sign >= (has_offset ? 1 : -1); sign -= 2) {
            block_grid start = grid;
            const float factor = 1.0f + 0.025f * static_cast<float>(step);
            start.d = f16(d * factor * static_cast<float>(sign));
            if (has_offset) start.dmin = f16(grid.offset[0] + middle * (1.0f - factor));
            const float error = descend_32<L>(target, has_offset, start);
            if (!(error < best)) continue;
            best = error;
            found = start;
        }
    grid = found;
    for (std::size_t i = 0; i < target.columns; ++i) codes[i] = static_cast<std::uint8_t>(grid.nearest(i, target.x[i]));
}

/// Improves what was fitted for one block.
template <class Format, class L>
[[gnu::always_inline]] inline void improve_block(const block_source& source, block_grid& grid,
                                                 std::uint8_t* codes) noexcept
{
    constexpr std::size_t columns = facts(Format::id).block_columns;
    alignas(64) float ones[columns];
    for (float& one : ones) one = 1.0f;
    const rounding_target target{source.values, source.importance ? source.importance : ones, columns};
    if constexpr (columns == 32)
        improve_block_32<L>(target, grid, codes);
    else
        improve_super_block<Format, L>(target, grid, codes);
}

} // namespace detail

} // namespace awq::gguf

#endif
