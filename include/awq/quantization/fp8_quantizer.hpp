// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_FP8_QUANTIZER_HPP
#define AWQ_QUANTIZATION_FP8_QUANTIZER_HPP

#include <awq/quantization/qparams.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/shrunk_range.hpp>
#include <awq/quantization/storage_rounding.hpp>
#include <awq/support/small_float.hpp>
#include <awq/tensor/dtype.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// Rounds weights to FP8 E4M3 with the numbers of compressed-tensors: one scale for each row, or for
/// each block of neighbouring rows and columns. Blocks at the edges may be cut. Models `quantizer`.
struct fp8_quantizer {
    std::size_t block_rows = 1;
    std::size_t block_cols = 0; ///< 0: the whole row
    /// f32: exact. bf16 or f16: every intermediate is rounded as in a model of that dtype.
    dtype storage = dtype::f32;
    /// When simulating: candidates for each block's range (weight clipping); 1: the whole range.
    int clip_steps = 1;

    /// invalid_argument for blocks without rows and for rows without columns.
    status check(std::size_t in_features) const noexcept
    {
        if (block_rows > 0 && in_features > 0) return {};
        return error{error_code::invalid_argument, "FP8 blocks of ", block_rows,
                     " rows in a weight with ",    in_features,      " columns"};
    }
    constexpr std::size_t row_block() const noexcept { return block_rows; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return block_cols == 0 ? in_features : std::min(block_cols, in_features);
    }
    /// How many scales a row of blocks has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept
    {
        const std::size_t width = scale_columns(in_features);
        return width == 0 ? 0 : (in_features + width - 1) / width;
    }

    /// Quantizes and dequantizes whole rows of blocks; `out` may be `rows`. Importance matters to the
    /// clipping only.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        for_each_block(rows, importance,
                       [&](matrix_view<const float> block, std::size_t first_row, std::size_t first_col, float scale,
                           auto rounding) {
                           for (std::size_t r = 0; r < block.rows(); ++r) {
                               const float* const from = block.row(r).data();
                               float* const to = &out(first_row + r, first_col);
                               for (std::size_t c = 0; c < block.cols(); ++c) to[c] = value(from[c], scale, rounding);
                           }
                       });
    }

    /// Codes of rows.rows() rows, and their scales: `groups` for each row of blocks.
    void quantize(matrix_view<const float> rows, matrix_view<std::uint8_t> codes,
                  std::span<float> scales) const noexcept
    {
        const std::size_t width = scale_columns(rows.cols()), count = groups(rows.cols());
        for_each_block(rows, {},
                       [&](matrix_view<const float> block, std::size_t first_row, std::size_t first_col, float scale,
                           auto rounding) {
                           scales[first_row / block_rows * count + first_col / width] = scale;
                           for (std::size_t r = 0; r < block.rows(); ++r)
                               for (std::size_t c = 0; c < block.cols(); ++c)
                                   codes(first_row + r, first_col + c) =
                                       pattern_of<e4m3>(steps(block(r, c), scale, rounding));
                       });
    }

    /// The scale of a block, by the smallest squared error among `clip_steps` candidates, weighed by
    /// the importance (or empty).
    float fit_block(matrix_view<const float> block, std::span<const float> importance) const noexcept
    {
        float best = 0.0f;
        with_storage(storage, [&](auto rounding) { best = fit_block_as(block, importance, rounding); });
        return best;
    }

private:
    template <class Rounding>
    float fit_block_as(matrix_view<const float> block, std::span<const float> importance,
                       Rounding rounding) const noexcept
    {
        const float magnitude = magnitude_of(block);
        return best_shrunk_scale(
            clip_steps, block, importance,
            [&](float kept) {
                const float scale = rounding.round(rounding.round(magnitude * kept) / e4m3::largest);
                return scale == 0.0f ? Rounding::epsilon : scale;
            },
            [&](float w, float scale) { return value(w, scale, rounding); });
    }

    template <class Action>
    void for_each_block(matrix_view<const float> rows, std::span<const float> importance,
                        const Action& action) const noexcept
    {
        const std::size_t width = scale_columns(rows.cols());
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < rows.rows(); r += block_rows)
                for (std::size_t c = 0; c < rows.cols(); c += width) {
                    const std::size_t count = std::min(width, rows.cols() - c);
                    const auto weights = importance.empty() ? importance : importance.subspan(c, count);
                    const matrix_view<const float> block =
                        rows.rows_from(r, std::min(block_rows, rows.rows() - r)).cols_from(c, count);
                    action(block, r, c, fit_block_as(block, weights, rounding), rounding);
                }
        });
    }

    static float magnitude_of(matrix_view<const float> block) noexcept
    {
        float magnitude = 0.0f;
        for (std::size_t r = 0; r < block.rows(); ++r) {
            const value_range range = range_of(block.row(r).data(), block.cols());
            magnitude = std::max({magnitude, -range.smallest, range.largest});
        }
        return magnitude;
    }

    // The sum with a zero point of 0 makes -0 the code 0.
    template <class Rounding>
    AWQ_ALWAYS_INLINE static float steps(float weight, float scale, Rounding rounding) noexcept
    {
        return rounding.round(rounding.round(weight) / scale) + 0.0f;
    }

    template <class Rounding>
    AWQ_ALWAYS_INLINE static float value(float weight, float scale, Rounding rounding) noexcept
    {
        return rounding.round(round_to<e4m3>(steps(weight, scale, rounding)) * scale);
    }
};

static_assert(quantizer<fp8_quantizer>);

} // namespace awq

#endif
