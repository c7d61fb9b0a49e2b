// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_FLOAT_FEEDBACK_HPP
#define AWQ_QUANTIZATION_FLOAT_FEEDBACK_HPP

#include <awq/quantization/error_feedback.hpp>
#include <awq/quantization/fp4_quantizer.hpp>
#include <awq/quantization/fp8_quantizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// The FP8 numbers times one scale.
struct fp8_grid {
    float scale = 1.0f;
    dtype storage = dtype::f32;

    int nearest(std::size_t, float x) const noexcept { return pattern_of<e4m3>(x / scale); }
    float value(std::size_t, int code) const noexcept
    {
        const float exact = number_of<e4m3>(static_cast<std::uint8_t>(code)) * scale;
        float stored = exact;
        with_storage(storage, [&](auto rounding) { stored = rounding.round(exact); });
        return stored;
    }
};

/// FP8 for `round_with_feedback`; scales are fitted as the quantizer's `clip_steps` say.
/// `BlockRows` is the quantizer's `block_rows`.
template <std::size_t BlockRows>
struct fp8_feedback_format {
    using grid = fp8_grid;
    static constexpr std::size_t batch = BlockRows == 1 ? 4 : BlockRows;

    fp8_quantizer rounding;

    std::size_t block_columns(std::size_t in_features) const noexcept { return rounding.scale_columns(in_features); }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t, grid* grids) const noexcept
    {
        for (std::size_t first = 0; first < rows.rows(); first += BlockRows) {
            const std::size_t count = std::min(BlockRows, rows.rows() - first);
            const float scale = rounding.fit_block(rows.rows_from(first, count), importance);
            std::fill_n(grids + first, count, grid{scale, rounding.storage});
        }
    }
};

/// The FP4 numbers times the scale of a group.
struct fp4_grid {
    fp4_scale scale;

    int nearest(std::size_t, float x) const noexcept { return pattern_of<e2m1>(x / scale.value); }
    float value(std::size_t, int code) const noexcept
    {
        return fp4_quantizer::value(number_of<e2m1>(static_cast<std::uint8_t>(code)), scale);
    }
};

/// FP4 for `round_with_feedback`; scales are fitted as the quantizer's `clip_steps` say.
struct fp4_feedback_format {
    using grid = fp4_grid;
    static constexpr std::size_t batch = 4;

    fp4_quantizer rounding; ///< NVFP4: with its global scale

    std::size_t block_columns(std::size_t in_features) const noexcept { return rounding.scale_columns(in_features); }

    void fit(matrix_view<const float> rows, std::span<const float> importance, std::size_t, grid* grids) const noexcept
    {
        for (std::size_t r = 0; r < rows.rows(); ++r) grids[r] = {rounding.fit_group(rows.row(r), importance)};
    }
};

static_assert(feedback_format<fp8_feedback_format<1>>);
static_assert(feedback_format<fp4_feedback_format>);

} // namespace awq

#endif
