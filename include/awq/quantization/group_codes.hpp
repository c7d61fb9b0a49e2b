// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GROUP_CODES_HPP
#define AWQ_QUANTIZATION_GROUP_CODES_HPP

#include <awq/quantization/float_lanes.hpp>
#include <awq/quantization/qparams.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi" // everything is inlined
#endif

namespace awq::detail {

/// How many columns share a scale, as a constant where one is known: 0 in the type stands for a number
/// that comes at run time.
template <std::size_t Columns>
struct group_width {
    constexpr explicit group_width(std::size_t) noexcept {}
    constexpr operator std::size_t() const noexcept { return Columns; }
};
template <>
struct group_width<0> {
    constexpr explicit group_width(std::size_t width) noexcept : columns(width) {}
    constexpr operator std::size_t() const noexcept { return columns; }
    std::size_t columns;
};

/// Calls `action` with a group width known when it is compiled, where it is one of the usual ones.
template <class Action>
void with_group_width(std::size_t columns, Action&& action)
{
    if (columns == 32) return action(group_width<32>{columns});
    if (columns == 64) return action(group_width<64>{columns});
    if (columns == 128) return action(group_width<128>{columns});
    action(group_width<0>{columns});
}

/// Codes of groups of columns. `Sink` takes them: `shared(group, qparams)` for each group, and
/// `codes<S>(first column, codes as floats, scale, zero point)` for as many columns as S has lanes.
/// The numbers are those of `range_of`, `make_qparams` and `fill_codes`; what is independent is done
/// side by side: ranges and qparams of several groups, codes of several columns.
template <std::size_t Lanes, std::size_t Columns, class Format, class Rounding>
struct group_coder {
    using vector = float_lanes<Lanes>;

    group_width<Columns> width;
    Format format;

    /// A row of `groups` groups.
    template <class Sink>
    void code_row(const float* row, std::size_t groups, Sink sink) const noexcept
    {
        for (std::size_t first = 0; first < groups; first += Lanes)
            code_groups(row, first, std::min(Lanes, groups - first), sink);
    }

private:
    /// At most as many groups as there are lanes.
    template <class Sink>
    AWQ_ALWAYS_INLINE void code_groups(const float* row, std::size_t first, std::size_t count, Sink sink) const noexcept
    {
        const basic_qparams<vector> made = fit_groups(row + first * width, count);
        float scales[Lanes], zero_points[Lanes];
        store<vector>(made.scale, scales);
        store<vector>(made.zero_point, zero_points);
        for (std::size_t g = 0; g < count; ++g) {
            const qparams shared{scales[g], zero_points[g]};
            sink.shared(first + g, shared);
            code_group(row, (first + g) * width, shared, sink);
        }
    }

    AWQ_ALWAYS_INLINE basic_qparams<vector> fit_groups(const float* groups, std::size_t count) const noexcept
    {
        vector lows[Lanes], highs[Lanes];
        for (std::size_t g = 0; g < count; ++g) find_range(groups + g * width, lows[g], highs[g]);
        for (std::size_t g = count; g < Lanes; ++g) lows[g] = highs[g] = vector{};
        const basic_value_range<vector> ranges{Rounding::round(across<take_smaller>(lows)),
                                               Rounding::round(across<take_larger>(highs))};
        return make_qparams<vector>(ranges, format, Rounding{});
    }

    AWQ_ALWAYS_INLINE void find_range(const float* group, vector& low_out, vector& high_out) const noexcept
    {
        // Long groups: independent chains, so that none waits for another.
        constexpr std::size_t chains = Columns == 0 || Columns > 128 ? 4 : 1;
        vector lows[chains] = {}, highs[chains] = {};
        std::size_t i = 0;
        if constexpr (chains == 4)
            for (; i + 4 * Lanes <= width; i += 4 * Lanes) {
                widen(group + i, lows[0], highs[0]);
                widen(group + i + Lanes, lows[1], highs[1]);
                widen(group + i + 2 * Lanes, lows[2], highs[2]);
                widen(group + i + 3 * Lanes, lows[3], highs[3]);
            }
        for (; i + Lanes <= width; i += Lanes) widen(group + i, lows[0], highs[0]);
        vector low = lows[0], high = highs[0];
        for (std::size_t chain = 1; chain < chains; ++chain) {
            low = smaller(lows[chain], low);
            high = larger(highs[chain], high);
        }
        if constexpr (Columns == 0 || Columns % Lanes != 0) {
            const value_range rest = range_of(group + i, width - i);
            low = smaller(all_lanes<vector>(rest.smallest), low);
            high = larger(all_lanes<vector>(rest.largest), high);
        }
        low_out = low;
        high_out = high;
    }

    AWQ_ALWAYS_INLINE static void widen(const float* from, vector& low, vector& high) noexcept
    {
        const vector values = load<vector>(from);
        low = smaller(values, low);
        high = larger(values, high);
    }

    template <class Sink>
    AWQ_ALWAYS_INLINE void code_group(const float* row, std::size_t first, const qparams& shared,
                                      Sink& sink) const noexcept
    {
        const std::size_t end = first + width;
        std::size_t at = first;
        for (; at + Lanes <= end; at += Lanes) code_lanes<vector>(row, at, shared, sink);
        if constexpr (Columns == 0 || Columns % Lanes != 0)
            for (; at < end; ++at) code_lanes<float>(row, at, shared, sink);
    }

    template <class S, class Sink>
    AWQ_ALWAYS_INLINE void code_lanes(const float* row, std::size_t at, const qparams& shared,
                                      Sink& sink) const noexcept
    {
        const S scale = all_lanes<S>(shared.scale), zero_point = all_lanes<S>(shared.zero_point);
        const S weights = Rounding::round(load<S>(row + at));
        S codes = Rounding::round(S(weights / scale));
        codes = Rounding::round(S(codes + zero_point));
        codes = larger<S>(all_lanes<S>(format.smallest()), codes);
        codes = smaller<S>(all_lanes<S>(format.largest()), codes);
        sink.template codes<S>(at, round_half_even(codes), scale, zero_point);
    }
};

/// Writes the weights that codes stand for, where the row was.
template <class Rounding>
struct value_sink {
    float* out;

    AWQ_ALWAYS_INLINE void shared(std::size_t, const qparams&) noexcept {}
    template <class S>
    AWQ_ALWAYS_INLINE void codes(std::size_t first, const S& made, const S& scale, const S& zero_point) noexcept
    {
        store<S>(Rounding::round(S((made - zero_point) * scale)), out + first);
    }
};

/// Writes codes, scales and zero points; `zero_points` may be null.
struct code_sink {
    std::int8_t* codes_out;
    float* scales;
    std::int8_t* zero_points;

    AWQ_ALWAYS_INLINE void shared(std::size_t group, const qparams& made) noexcept
    {
        scales[group] = made.scale;
        if (zero_points != nullptr) zero_points[group] = static_cast<std::int8_t>(made.zero_point);
    }
    template <class S>
    AWQ_ALWAYS_INLINE void codes(std::size_t first, const S& made, const S&, const S&) noexcept
    {
        store_bytes<S>(made, codes_out + first);
    }
};

/// Quantizes and dequantizes rows that are cut into groups of `width` columns; `out` may be `rows`.
/// `Lanes` is a parameter so that units compiled for different instruction sets share no code.
template <std::size_t Columns, class Format, class Rounding, std::size_t Lanes = AWQ_VECTOR_FLOATS>
void simulate_groups(matrix_view<const float> rows, group_width<Columns> width, const Format& format, Rounding,
                     matrix_view<float> out) noexcept
{
    for (std::size_t r = 0; r < rows.rows(); ++r) {
        const group_coder<Lanes, Columns, Format, Rounding> coder{width, format};
        coder.code_row(rows.row(r).data(), rows.cols() / width, value_sink<Rounding>{out.row(r).data()});
    }
}

/// One row to codes, scales and zero points (none where that is empty).
template <std::size_t Columns, class Format, class Rounding, std::size_t Lanes = AWQ_VECTOR_FLOATS>
void code_groups(std::span<const float> row, group_width<Columns> width, const Format& format, Rounding,
                 std::span<std::int8_t> codes, std::span<float> scales, std::span<std::int8_t> zero_points) noexcept
{
    const code_sink sink{codes.data(), scales.data(), zero_points.empty() ? nullptr : zero_points.data()};
    const group_coder<Lanes, Columns, Format, Rounding> coder{width, format};
    coder.code_row(row.data(), row.size() / width, sink);
}

} // namespace awq::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
