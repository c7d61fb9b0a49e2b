// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_SEARCH_HPP
#define AWQ_QUANTIZATION_GGUF_SEARCH_HPP

#include <awq/quantization/gguf/lanes.hpp>

#include <cstddef>

namespace awq::gguf {

// The scale searches that the block formats share. They give the results of ggml's quantizers bit
// for bit: float32 sums in index order, no fused multiply-add. All arrays are interleaved: element
// i of the group in lane j is at [i * lane count + j]; `levels` takes the codes as floats.

/// Groups smaller than this count as zero.
inline constexpr float negligible = 1e-15f;

/// first + step * k, rounded after each operation.
[[gnu::always_inline]] inline float stepped(float first, float step, int k) noexcept
{
    return first + strict_product(step, static_cast<float>(k));
}

namespace detail {

/// sum w x l and sum w l l: their ratio is the best scale for the levels l.
template <class L>
struct correlation {
    L with_values{0.0f};
    L with_levels{0.0f};

    [[gnu::always_inline]] void add(const L& weight, const L& value, const L& level) noexcept
    {
        with_values += weight * value * level;
        with_levels += weight * level * level;
    }
    [[gnu::always_inline]] L ratio() const noexcept
    {
        return select(with_levels > L(0.0f), with_values / with_levels, L(0.0f));
    }
};

template <std::size_t Size, class L>
[[gnu::always_inline]] inline correlation<L> correlate(const float* x, const float* w, const float* levels) noexcept
{
    correlation<L> sums;
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        sums.add(L::load(w + i), L::load(x + i), L::load(levels + i));
    return sums;
}

/// Levels of x * factor from `lowest` to `highest`.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline void round_levels(const float* x, const L& factor, float lowest, float highest,
                                                float* levels) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        nearest_level(factor * L::load(x + i), lowest, highest).store(levels + i);
}

/// Both of the above in one pass, where every |x * factor| is below 2^22.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline correlation<L> correlate_at(const float* x, const float* w, const L& factor, float lowest,
                                                          float highest) noexcept
{
    correlation<L> sums;
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        sums.add(L::load(w + i), value, nearest_small_level(factor * value, lowest, highest));
    }
    return sums;
}

/// Adds `shift` to every level; groups without a scale store the level 0 all the same.
template <std::size_t Size, class L, class Mask>
[[gnu::always_inline]] inline void shift_levels(float* levels, float shift, const Mask& empty) noexcept
{
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        select(empty, L(0.0f), L::load(levels + i) + L(shift)).store(levels + i);
}

/// One sweep of coordinate descent over the levels; whether any of them changed. `Bytes`: levels
/// are kept as bytes, so that a negative one comes back as another, and an element is left alone if
/// nothing of the other levels remains.
template <std::size_t Size, bool Bytes, class L>
[[gnu::always_inline]] inline bool refine_levels(const float* x, const float* w, float lowest, float highest,
                                                 correlation<L>& sums, float* levels) noexcept
{
    auto changed = L(0.0f) > L(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i), weight = L::load(w + i), level = L::load(levels + i);
        const L a = sums.with_values - weight * value * level;
        const L b = sums.with_levels - weight * level * level;
        const L other = nearest_level(value * b / a, lowest, highest);
        correlation<L> changed_sums{a, b};
        changed_sums.add(weight, value, other);
        const L gain = changed_sums.with_values * changed_sums.with_values * sums.with_levels;
        const L held = sums.with_values * sums.with_values * changed_sums.with_levels;
        const L remaining = Bytes ? b : changed_sums.with_levels;
        const auto better = (a > L(0.0f)) & (remaining > L(0.0f)) & (other != level) & (gain > held);
        sums.with_values = select(better, changed_sums.with_values, sums.with_values);
        sums.with_levels = select(better, changed_sums.with_levels, sums.with_levels);
        select(better, Bytes ? lowest_byte(other) : other, level).store(levels + i);
        changed = changed | better;
    }
    return changed.any();
}

} // namespace detail

/// The element with the largest magnitude, with its sign; the first one of equals.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L extreme(const float* x) noexcept
{
    L best(0.0f);
    L magnitude(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        const auto is_larger = absolute(value) > magnitude;
        best = select(is_larger, value, best);
        magnitude = select(is_larger, absolute(value), magnitude);
    }
    return best;
}

/// A scale for the levels -half .. half - 1: the best of 19 candidates by weighted squared error.
/// `levels` come out shifted by `half`.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L search_symmetric(const float* x, const float* w, float half, float* levels) noexcept
{
    const L peak = extreme<Size, L>(x);
    L factor = L(-half) / peak;
    auto sums = detail::correlate_at<Size>(x, w, factor, -half, half - 1.0f);
    L scale = select(sums.with_levels != L(0.0f), sums.with_values / sums.with_levels, L(0.0f));
    L best = scale * sums.with_values;
    for (int k = -9; k <= 9; ++k) {
        if (k == 0) continue;
        const L trial = L(-stepped(half, 0.1f, k)) / peak;
        sums = detail::correlate_at<Size>(x, w, trial, -half, half - 1.0f);
        const auto better =
            (sums.with_levels > L(0.0f)) & (sums.with_values * sums.with_values > best * sums.with_levels);
        scale = select(better, sums.with_values / sums.with_levels, scale);
        best = select(better, scale * sums.with_values, best);
        factor = select(better, trial, factor);
    }
    const auto empty = absolute(peak) < L(negligible);
    detail::round_levels<Size>(x, factor, -half, half - 1.0f, levels);
    detail::shift_levels<Size, L>(levels, half, empty);
    return select(empty, L(0.0f), scale);
}

/// A scale for the levels -half .. half - 1: rounding, then at most five sweeps over the single
/// levels. `levels` come out shifted by `half`.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L search_refined(const float* x, const float* w, float half, float* levels) noexcept
{
    const L peak = extreme<Size, L>(x);
    detail::round_levels<Size>(x, L(-half) / peak, -half, half - 1.0f, levels);
    auto sums = detail::correlate<Size, L>(x, w, levels);
    for (int sweep = 0; sweep < 5; ++sweep)
        if (!detail::refine_levels<Size, false>(x, w, -half, half - 1.0f, sums, levels)) break;
    const auto empty = absolute(peak) < L(negligible);
    detail::shift_levels<Size, L>(levels, half, empty);
    return select(empty, L(0.0f), sums.ratio());
}

namespace detail {

/// No lower bound.
inline constexpr float no_bound = -0x1p23f;

/// Weighted squared error of x rounded to levels of 1 / factor, kept as bytes or not.
template <std::size_t Size, bool Bytes, class L>
[[gnu::always_inline]] inline L error_at(const float* x, const float* w, const L& factor, float top) noexcept
{
    const L scale = L(1.0f) / factor;
    L error(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i);
        const L level = nearest_level(factor * value, no_bound, top);
        const L off = value - scale * (Bytes ? lowest_byte(level) : level);
        error += L::load(w + i) * off * off;
    }
    return error;
}

} // namespace detail

/// A scale for the levels 0 .. top of numbers that are not negative, such as the scales of groups.
/// A number that is negative all the same gets the lowest byte of its level, as in ggml.
template <std::size_t Size, class L>
[[gnu::always_inline]] inline L search_positive(const float* x, const float* w, float top, float* levels) noexcept
{
    L peak(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) peak = larger(L::load(x + i), peak);
    L factor = L(top) / peak;
    L least = detail::error_at<Size, true>(x, w, factor, top);
    for (int k = -4; k <= 4; ++k) {
        if (k == 0) continue;
        const L trial = L(stepped(top, 0.1f, k)) / peak;
        const L error = detail::error_at<Size, false>(x, w, trial, top);
        factor = select(error < least, trial, factor);
        least = select(error < least, error, least);
    }
    detail::round_levels<Size>(x, factor, detail::no_bound, top, levels);
    auto sums = detail::correlate<Size, L>(x, w, levels);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) lowest_byte(L::load(levels + i)).store(levels + i);
    for (int sweep = 0; sweep < 5; ++sweep)
        if (!detail::refine_levels<Size, true>(x, w, detail::no_bound, top, sums, levels)) break;
    const auto empty = peak < L(negligible);
    detail::shift_levels<Size, L>(levels, 0.0f, empty);
    return select(empty, L(0.0f), sums.ratio());
}

/// The candidates of `search_affine`: first + step * k + top levels over the range, k = 0 .. last.
struct affine_candidates {
    float top;
    float first;
    float step;
    int last;
};

/// x is about scale * level - minimum.
template <class L>
struct affine_scale {
    L scale;
    L minimum; ///< never negative
};

namespace detail {

/// What a search for scale and offset knows of a group.
template <class L>
struct affine_state {
    L lowest;
    L highest;
    L offset; ///< starts as the lowest value, or 0; not above 0
    L sum_w;
    L sum_wx;
};

template <std::size_t Size, class L>
[[gnu::always_inline]] inline affine_state<L> affine_start(const float* x, const float* w) noexcept
{
    const L first = L::load(x);
    affine_state<L> s{first, first, first, L::load(w), L::load(w) * first};
    for (std::size_t i = L::count; i < Size * L::count; i += L::count) {
        const L value = L::load(x + i), weight = L::load(w + i);
        s.lowest = smaller(value, s.lowest);
        s.highest = larger(value, s.highest);
        s.sum_w += weight;
        s.sum_wx += weight * value;
    }
    s.offset = select(s.lowest > L(0.0f), L(0.0f), s.lowest);
    return s;
}

/// Whether (x - offset) * factor may reach 2^22, where rounding needs more care, in any lane.
template <class L>
[[gnu::always_inline]] inline bool may_overflow(const affine_state<L>& s, const L& factor) noexcept
{
    const L above = absolute(factor * (s.highest - s.offset));
    const L below = absolute(factor * (s.lowest - s.offset));
    return !((above < L(0x1p22f)) & (below < L(0x1p22f))).all();
}

template <std::size_t Size, class L>
[[gnu::always_inline]] inline void affine_levels(const float* x, const affine_state<L>& s, const L& factor, float top,
                                                 float* levels) noexcept
{
    if (may_overflow(s, factor)) {
        for (std::size_t i = 0; i < Size * L::count; i += L::count)
            nearest_level(factor * (L::load(x + i) - s.offset), 0.0f, top).store(levels + i);
        return;
    }
    for (std::size_t i = 0; i < Size * L::count; i += L::count)
        nearest_small_level(factor * (L::load(x + i) - s.offset), 0.0f, top).store(levels + i);
}

/// The weighted error of scale * level + offset: squared, or absolute.
template <std::size_t Size, bool Absolute, class L>
[[gnu::always_inline]] inline L affine_error(const float* x, const float* w, const float* levels, const L& scale,
                                             const L& offset) noexcept
{
    L error(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L off = scale * L::load(levels + i) + offset - L::load(x + i);
        if constexpr (Absolute)
            error += L::load(w + i) * absolute(off);
        else
            error += L::load(w + i) * (off * off);
    }
    return error;
}

/// The scale and offset (not above 0) that suit given levels best, and whether there are any.
template <class L>
struct affine_solution {
    L scale;
    L offset;
    L determinant;
};

template <std::size_t Size, class L>
[[gnu::always_inline]] inline affine_solution<L> solve_affine(const float* x, const float* w, const float* levels,
                                                              const affine_state<L>& s) noexcept
{
    L sum_l(0.0f);
    L sum_ll(0.0f);
    L sum_xl(0.0f);
    for (std::size_t i = 0; i < Size * L::count; i += L::count) {
        const L level = L::load(levels + i);
        const L weighted = L::load(w + i) * level;
        sum_l += weighted;
        sum_ll += weighted * level;
        sum_xl += weighted * L::load(x + i);
    }
    const L determinant = s.sum_w * sum_ll - sum_l * sum_l;
    const L scale = (s.sum_w * sum_xl - s.sum_wx * sum_l) / determinant;
    const L offset = (sum_ll * s.sum_wx - sum_l * sum_xl) / determinant;
    const auto positive = offset > L(0.0f);
    return {select(positive, sum_xl / sum_ll, scale), select(positive, L(0.0f), offset), determinant};
}

} // namespace detail

/// A scale and a minimum for the levels 0 .. top by weighted error, squared or absolute.
template <std::size_t Size, bool Absolute, class L>
[[gnu::always_inline]] inline affine_scale<L> search_affine(const float* x, const float* w,
                                                            const affine_candidates& grid, float* levels) noexcept
{
    auto s = detail::affine_start<Size, L>(x, w);
    const auto flat = s.highest == s.offset;
    const L start = s.offset;
    L factor = L(grid.top) / (s.highest - s.offset);
    L level_offset = s.offset; // of the levels that are kept: `s.offset` moves on after them
    alignas(sizeof(L)) float trial_levels[Size * L::count];
    detail::affine_levels<Size>(x, s, factor, grid.top, trial_levels);
    L scale = L(1.0f) / factor;
    L least = detail::affine_error<Size, Absolute>(x, w, trial_levels, scale, s.offset);
    for (int k = 0; k <= grid.last; ++k) {
        const float reach = stepped(grid.first, grid.step, k) + grid.top;
        const L trial = L(reach) / (s.highest - s.offset);
        detail::affine_levels<Size>(x, s, trial, grid.top, trial_levels);
        const auto found = detail::solve_affine<Size>(x, w, trial_levels, s);
        const L error = detail::affine_error<Size, Absolute>(x, w, trial_levels, found.scale, found.offset);
        const auto better = (found.determinant > L(0.0f)) & (error < least);
        least = select(better, error, least);
        scale = select(better, found.scale, scale);
        factor = select(better, trial, factor);
        level_offset = select(better, s.offset, level_offset);
        s.offset = select(better, found.offset, s.offset);
    }
    s.offset = select(flat, start, s.offset);
    detail::affine_state<L> kept = s;
    kept.offset = level_offset;
    detail::affine_levels<Size>(x, kept, factor, grid.top, levels);
    detail::shift_levels<Size, L>(levels, 0.0f, flat);
    return {select(flat, L(0.0f), scale), -s.offset};
}

} // namespace awq::gguf

#endif
