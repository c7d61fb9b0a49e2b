// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_INTEGER_QUANTIZER_HPP
#define AWQ_QUANTIZATION_INTEGER_QUANTIZER_HPP

#include <awq/quantization/group_codes.hpp>
#include <awq/quantization/qparams.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/scheme.hpp>
#include <awq/quantization/storage_rounding.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

namespace detail {

/// Whether rows can be cut into groups of that many columns (0: the whole row).
inline status check_groups(std::size_t group_size, std::size_t in_features) noexcept
{
    if (in_features == 0 || (group_size != 0 && in_features % group_size != 0))
        return error{error_code::shape_mismatch,      "group size ", group_size,
                     " does not divide in_features ", in_features,   ": choose another group size or ignore the layer"};
    return {};
}

constexpr std::size_t columns_of_group(std::size_t group_size, std::size_t in_features) noexcept
{
    return group_size == 0 ? in_features : std::min(group_size, in_features);
}

} // namespace detail

/// Rounds weights to integers that share a scale (and a zero point) within a group of neighbouring
/// columns, with the numbers of compressed-tensors; all is chosen at run time (`scheme_quantizer` has it as
/// constants). Models `quantizer`.
struct integer_quantizer {
    /// Bits of a code (2 to 8), and whether the zero point is always 0.
    scheme format{};
    /// Columns that share a scale; 0: the whole row (per channel).
    std::size_t group_size = 128;
    /// f32: exact. bf16 or f16: every intermediate is rounded as in a model of that dtype.
    dtype storage = dtype::f32;
    /// When simulating: candidates for each group's range, from the whole one down to half of it
    /// (weight clipping, as llm-awq's auto_clip does); 1: the whole range.
    int clip_steps = 1;

    /// shape_mismatch where groups do not cut a row evenly, invalid_argument for a bad bit count.
    status check(std::size_t in_features) const noexcept
    {
        if (format.bits < 2 || format.bits > 8)
            return error{error_code::invalid_argument, "integer scheme with ", format.bits, " bits: choose 2 to 8"};
        return detail::check_groups(group_size, in_features);
    }

    constexpr std::size_t row_block() const noexcept { return 1; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return detail::columns_of_group(group_size, in_features);
    }
    /// How many scales a row has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept
    {
        return in_features == 0 ? 0 : in_features / scale_columns(in_features);
    }

    // Templates, so that who includes this and does not call them does not compile them.

    /// Quantizes and dequantizes; `out` may be `rows`. Importance matters to the clipping only.
    template <class = void>
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        with_storage(storage, [&](auto rounding) {
            if (clip_steps > 1) return simulate_clipped(rows, importance, out, rounding);
            with_constants(rows.cols(), [&](auto width, const auto& constants) {
                detail::simulate_groups(rows, width, constants, rounding, out);
            });
        });
    }

    /// Scale and zero point of one group: with the range that has the smallest squared error,
    /// weighed by the importance (one value a weight, or empty), among `clip_steps` candidates.
    template <class = void>
    qparams fit_group(std::span<const float> group, std::span<const float> importance) const noexcept
    {
        qparams best;
        with_storage(storage, [&](auto rounding) { best = fit_group_as(group, importance, rounding); });
        return best;
    }

    /// One row to codes (in_features), scales and zero points (`groups(in_features)` each; pass an
    /// empty `zero_points` for a symmetric scheme).
    template <class = void>
    void quantize_row(std::span<const float> row, std::span<std::int8_t> codes, std::span<float> scales,
                      std::span<std::int8_t> zero_points) const noexcept
    {
        with_storage(storage, [&](auto rounding) {
            with_constants(row.size(), [&](auto width, const auto& constants) {
                detail::code_groups(row, width, constants, rounding, codes, scales, zero_points);
            });
        });
    }

private:
    // The one switch between what is chosen at run time and the code that a static policy gives.
    template <class Action>
    void with_constants(std::size_t in_features, Action&& action) const
    {
        detail::with_group_width(scale_columns(in_features), [&](auto width) {
            if (format.symmetric)
                action(width, detail::bits_at_run_time<true>{format.bits});
            else
                action(width, detail::bits_at_run_time<false>{format.bits});
        });
    }

    template <class Rounding>
    void simulate_clipped(matrix_view<const float> rows, std::span<const float> importance, matrix_view<float> out,
                          Rounding rounding) const noexcept
    {
        const std::size_t width = scale_columns(rows.cols());
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for (std::size_t first = 0; first < rows.cols(); first += width)
                simulate_group(rows.row(r).subspan(first, width),
                               importance.empty() ? importance : importance.subspan(first, width),
                               out.row(r).data() + first, rounding);
    }

    template <class Rounding>
    void simulate_group(std::span<const float> group, std::span<const float> importance, float* out,
                        Rounding rounding) const noexcept
    {
        const qparams shared = fit_group_as(group, importance, rounding);
        for_each_tile(group.data(), group.size(), shared, rounding,
                      [&](std::size_t first, std::size_t size, const float* codes) {
                          for (std::size_t i = 0; i < size; ++i) out[first + i] = value_of(codes[i], shared, rounding);
                      });
    }

    template <class Rounding>
    AWQ_ALWAYS_INLINE qparams fit_group_as(std::span<const float> group, std::span<const float> importance,
                                           Rounding rounding) const noexcept
    {
        const value_range range = range_of(group.data(), group.size());
        qparams best = shared_by(range, 1.0f, rounding);
        if (clip_steps <= 1) return best;
        float least = error_of(best, group, importance, rounding);
        for (int step = 1; step < clip_steps; ++step) {
            const float kept = 1.0f - 0.5f * static_cast<float>(step) / static_cast<float>(clip_steps);
            const qparams candidate = shared_by(range, kept, rounding);
            const float error = error_of(candidate, group, importance, rounding);
            if (error < least) least = error, best = candidate;
        }
        return best;
    }

    template <class Rounding>
    AWQ_ALWAYS_INLINE qparams shared_by(value_range range, float kept, Rounding rounding) const noexcept
    {
        range = {rounding.round(range.smallest * kept), rounding.round(range.largest * kept)};
        return make_qparams(range, format, rounding);
    }

    template <class Rounding>
    float error_of(const qparams& shared, std::span<const float> group, std::span<const float> importance,
                   Rounding rounding) const noexcept
    {
        float sums[code_tile] = {}; // independent chains, so that the loop becomes vectors
        for_each_tile(group.data(), group.size(), shared, rounding,
                      [&](std::size_t first, std::size_t size, const float* codes) {
                          for (std::size_t i = 0; i < size; ++i) {
                              const float missing = group[first + i] - value_of(codes[i], shared, rounding);
                              const float weight = importance.empty() ? 1.0f : importance[first + i];
                              sums[i] += missing * missing * weight;
                          }
                      });
        for (std::size_t half = code_tile / 2; half > 0; half /= 2)
            for (std::size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
        return sums[0];
    }

    // Calls `use(first, size, codes)` for the codes of a group, a tile at a time.
    template <class Rounding, class Use>
    AWQ_ALWAYS_INLINE void for_each_tile(const float* group, std::size_t count, const qparams& shared,
                                         Rounding rounding, Use use) const noexcept
    {
        float codes[code_tile];
        for (std::size_t first = 0; first < count; first += code_tile) {
            const auto make = [&](std::size_t size) {
                fill_codes(group + first, size, shared, format.smallest(), format.largest(), codes, rounding);
                use(first, size, codes);
            };
            // A count known at compile time keeps a whole tile in registers.
            if (count - first >= code_tile)
                make(code_tile);
            else
                make(count - first);
        }
    }
};

static_assert(quantizer<integer_quantizer>);

/// The quantizer of a scheme type: `quantizer_of<w4a16_asym>(128)`.
template <class Scheme>
requires requires { Scheme::value; }
constexpr integer_quantizer quantizer_of(std::size_t group_size, dtype storage = dtype::f32)
{
    return {Scheme::value, group_size, storage};
}

} // namespace awq

#endif
