// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_FEEDBACK_FORMATS_HPP
#define AWQ_QUANTIZATION_FEEDBACK_FORMATS_HPP

#include <awq/quantization/error_feedback.hpp>
#include <awq/quantization/gguf/block_codec.hpp>
#include <awq/quantization/gguf/rounding_search.hpp>
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
        const float dequantized = (static_cast<float>(code) + format.smallest() - shared.zero_point) * shared.scale;
        float stored = dequantized;
        with_storage(storage, [&](auto rounding) { stored = rounding.round(dequantized); });
        return stored;
    }
};

/// An integer scheme for `round_with_feedback`; each group's range is fitted as the quantizer's
/// `clip_steps` say.
struct integer_feedback_format {
    using grid = integer_grid;
    static constexpr std::size_t batch = 4;

    integer_quantizer rounding;

    std::size_t block_columns(std::size_t in_features) const noexcept { return rounding.scale_columns(in_features); }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t, grid* grids) const noexcept
    {
        for (std::size_t r = 0; r < rows.rows(); ++r)
            grids[r] = {rounding.fit_group(rows.row(r), importance), rounding.format, rounding.storage};
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
    gguf::rounding rounding = gguf::rounding::exact;

    std::size_t block_columns(std::size_t) const noexcept { return gguf::block_columns(type); }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t first_row,
             grid* grids) const noexcept
    {
        gguf::block_source sources[batch];
        std::uint8_t codes[batch * gguf::max_block_columns];
        for (std::size_t r = 0; r < rows.rows(); ++r)
            sources[r] = {rows.row(r).data(), importance.empty() ? nullptr : importance.data(),
                          row_mean_squares[first_row + r]};
        Engine::fit(type, sources, rows.rows(), grids, codes);
        if (rounding == gguf::rounding::exact) return;
        for (std::size_t r = 0; r < rows.rows(); ++r)
            Engine::improve(type, sources[r], grids[r], codes + r * gguf::block_columns(type));
    }
};

static_assert(feedback_format<integer_feedback_format>);

} // namespace awq

#endif
