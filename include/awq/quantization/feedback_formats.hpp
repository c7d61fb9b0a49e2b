// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_FEEDBACK_FORMATS_HPP
#define AWQ_QUANTIZATION_FEEDBACK_FORMATS_HPP

#include <awq/quantization/error_feedback.hpp>
#include <awq/quantization/gguf/block_codec.hpp>
#include <awq/quantization/integer_quantizer.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

/// Scale and zero point of one group of an integer scheme. Codes are counted from 0 here, so that
/// they fit a byte: code 0 is the scheme's smallest.
struct integer_grid {
    qparams shared;
    scheme format;
    dtype storage = dtype::f32;

    int nearest(std::size_t, float x) const noexcept
    {
        const float low = format.smallest();
        const float code = round_half_even(x / shared.scale + shared.zero_point);
        return static_cast<int>(std::clamp(code, low, format.largest()) - low);
    }
    float value(std::size_t, int code) const noexcept
    {
        const float dequantized =
            (static_cast<float>(code) + format.smallest() - shared.zero_point) * shared.scale;
        float stored = dequantized;
        with_storage(storage, [&](auto rounding) { stored = rounding.round(dequantized); });
        return stored;
    }
};

/// An integer scheme for `round_with_feedback`. With `shrink_steps` above 1 the range of each group
/// is shrunk step by step, down to half, to where the squared error, weighted by the importance, is
/// smallest (weight clipping on the format's own grid).
struct integer_feedback_format {
    using grid = integer_grid;
    static constexpr std::size_t batch = 4;

    integer_quantizer rounding;
    int shrink_steps = 1;

    std::size_t block_columns(std::size_t in_features) const noexcept
    {
        return rounding.scale_columns(in_features);
    }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t,
             grid* grids) const noexcept
    {
        for (std::size_t r = 0; r < rows.rows(); ++r) grids[r] = fit_group(rows.row(r), importance);
    }

    /// The grid of one group of weights.
    grid fit_group(std::span<const float> group, std::span<const float> importance) const noexcept
    {
        const value_range whole = range_of(group.data(), group.size());
        grid best = make(whole, 1.0f);
        if (shrink_steps <= 1) return best;
        double least = error_of(best, group, importance);
        for (int step = 1; step < shrink_steps; ++step) {
            const float kept =
                1.0f - 0.5f * static_cast<float>(step) / static_cast<float>(shrink_steps);
            const grid candidate = make(whole, kept);
            const double error = error_of(candidate, group, importance);
            if (error < least) least = error, best = candidate;
        }
        return best;
    }

private:
    grid make(value_range range, float kept) const noexcept
    {
        grid made{{}, rounding.format, rounding.storage};
        with_storage(rounding.storage, [&](auto storage) {
            const value_range stored{storage.round(range.smallest * kept),
                                     storage.round(range.largest * kept)};
            made.shared = make_qparams(stored, rounding.format, storage);
        });
        return made;
    }

    static double error_of(const grid& candidate, std::span<const float> group,
                           std::span<const float> importance) noexcept
    {
        float sum = 0;
        for (std::size_t i = 0; i < group.size(); ++i) {
            const float missing = group[i] - candidate.value(i, candidate.nearest(i, group[i]));
            sum += missing * missing * (importance.empty() ? 1.0f : importance[i]);
        }
        return static_cast<double>(sum);
    }
};

/// A GGUF block type for `round_with_feedback`; `Engine` fits several blocks at once.
template <class Engine>
struct gguf_feedback_format {
    using grid = gguf::block_grid;
    static constexpr std::size_t batch = Engine::batch;

    gguf::type type;
    /// Mean square of each row of weights; the 32-element types look at it.
    std::span<const float> row_mean_squares;

    std::size_t block_columns(std::size_t) const noexcept { return gguf::block_columns(type); }

    void fit(matrix_view<const float> rows, std::span<const float> importance,
             std::size_t first_row, grid* grids) const noexcept
    {
        gguf::block_source sources[batch];
        std::uint8_t codes[batch * gguf::max_block_columns];
        for (std::size_t r = 0; r < rows.rows(); ++r)
            sources[r] = {rows.row(r).data(), importance.empty() ? nullptr : importance.data(),
                          row_mean_squares[first_row + r]};
        Engine::fit(type, sources, rows.rows(), grids, codes);
    }
};

static_assert(feedback_format<integer_feedback_format>);

} // namespace awq

#endif
