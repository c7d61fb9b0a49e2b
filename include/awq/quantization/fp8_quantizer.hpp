// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_FP8_QUANTIZER_HPP
#define AWQ_QUANTIZATION_FP8_QUANTIZER_HPP

#include <awq/quantization/qparams.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/storage_rounding.hpp>
#include <awq/support/float8.hpp>
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

    /// invalid_argument for blocks without rows and for rows without columns.
    status check(std::size_t in_features) const noexcept
    {
        if (block_rows > 0 && in_features > 0) return {};
        return error{error_code::invalid_argument, "FP8 blocks of ", block_rows,
                     " rows in a weight with ", in_features, " columns"};
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

    /// Quantizes and dequantizes whole rows of blocks; `out` may be `rows`.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> /*importance*/,
                         matrix_view<float> out) const noexcept
    {
        for_each_block(rows, [&](matrix_view<const float> block, std::size_t first_row,
                                 std::size_t first_col, auto rounding) {
            const float scale = scale_of(block, rounding);
            for (std::size_t r = 0; r < block.rows(); ++r)
                for (std::size_t c = 0; c < block.cols(); ++c)
                    out(first_row + r, first_col + c) = rounding.round(
                        static_cast<float>(code_of_weight(block(r, c), scale, rounding)) * scale);
        });
    }

    /// Codes of rows.rows() rows, and their scales: `groups` for each row of blocks.
    void quantize(matrix_view<const float> rows, matrix_view<std::uint8_t> codes,
                  std::span<float> scales) const noexcept
    {
        const std::size_t width = scale_columns(rows.cols()), count = groups(rows.cols());
        for_each_block(rows, [&](matrix_view<const float> block, std::size_t first_row,
                                 std::size_t first_col, auto rounding) {
            const float scale = scale_of(block, rounding);
            scales[first_row / block_rows * count + first_col / width] = scale;
            for (std::size_t r = 0; r < block.rows(); ++r)
                for (std::size_t c = 0; c < block.cols(); ++c)
                    codes(first_row + r, first_col + c) =
                        code_of_weight(block(r, c), scale, rounding).bits;
        });
    }

private:
    template <class Action>
    void for_each_block(matrix_view<const float> rows, const Action& action) const noexcept
    {
        const std::size_t width = scale_columns(rows.cols());
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < rows.rows(); r += block_rows)
                for (std::size_t c = 0; c < rows.cols(); c += width)
                    action(rows.rows_from(r, std::min(block_rows, rows.rows() - r))
                               .cols_from(c, std::min(width, rows.cols() - c)),
                           r, c, rounding);
        });
    }

    template <class Rounding>
    static float scale_of(matrix_view<const float> block, Rounding rounding) noexcept
    {
        float magnitude = 0.0f;
        for (std::size_t r = 0; r < block.rows(); ++r) {
            const value_range range = range_of(block.row(r).data(), block.cols());
            magnitude = std::max({magnitude, -range.smallest, range.largest});
        }
        const float scale = rounding.round(rounding.round(magnitude) / f8_e4m3::largest);
        return scale == 0.0f ? Rounding::epsilon : scale;
    }

    // The sum with a zero point of 0 makes -0 the code 0.
    template <class Rounding>
    static f8_e4m3 code_of_weight(float weight, float scale, Rounding rounding) noexcept
    {
        const float steps = rounding.round(rounding.round(weight) / scale) + 0.0f;
        return f8_e4m3{std::clamp(steps, -f8_e4m3::largest, f8_e4m3::largest)};
    }
};

static_assert(quantizer<fp8_quantizer>);

} // namespace awq

#endif
