// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_FP4_QUANTIZER_HPP
#define AWQ_QUANTIZATION_FP4_QUANTIZER_HPP

#include <awq/quantization/qparams.hpp>
#include <awq/quantization/quantizer_concept.hpp>
#include <awq/quantization/scheme_fp4.hpp>
#include <awq/quantization/shrunk_range.hpp>
#include <awq/quantization/storage_rounding.hpp>
#include <awq/support/small_float.hpp>
#include <awq/tensor/dtype.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace awq {

/// The scale of a group: as it is stored, and what an FP4 number is multiplied with.
struct fp4_scale {
    std::uint8_t pattern = 0; ///< of E4M3 (NVFP4), or the exponent with bias 127 (MXFP4)
    float value = 1.0f;
};

/// Rounds weights to FP4 E2M1 with the numbers of compressed-tensors. Models `quantizer`.
struct fp4_quantizer {
    fp4_kind kind = fp4_kind::nvfp4;
    /// f32: exact. bf16 or f16: intermediates are rounded as in a model of that dtype.
    dtype storage = dtype::f32;
    /// NVFP4: what the groups' scales are divided by. 0: chosen by the largest of the rows that are
    /// rounded together, which are then all rows of a weight.
    float global_scale = 0.0f;
    /// When simulating: candidates for each group's range (weight clipping); 1: the whole range.
    int clip_steps = 1;

    /// shape_mismatch where groups do not cut a row evenly.
    status check(std::size_t in_features) const noexcept { return check_groups(kind, in_features); }
    constexpr std::size_t row_block() const noexcept
    {
        return needs_magnitude() ? std::numeric_limits<std::size_t>::max() / 2 : 1;
    }
    constexpr bool needs_magnitude() const noexcept { return kind == fp4_kind::nvfp4 && global_scale == 0.0f; }
    constexpr std::size_t scale_columns(std::size_t in_features) const noexcept
    {
        return std::min(group_size_of(kind), in_features);
    }
    /// How many scales a row has.
    constexpr std::size_t groups(std::size_t in_features) const noexcept { return in_features / group_size_of(kind); }

    /// The same quantizer for weights with this largest magnitude (NVFP4), so that the scales of
    /// their groups fill the range of FP8. Layers that servers fuse share it.
    fp4_quantizer for_magnitude(float largest) const noexcept
    {
        fp4_quantizer made = *this;
        if (kind == fp4_kind::mxfp4) return made;
        with_storage(storage, [&](auto rounding) {
            const float bound = std::max(rounding.round(largest), 0x1p-126f);
            const float share = rounding.round(1.0f / bound);
            made.global_scale = rounding.round(e4m3::largest * e2m1::largest * share);
        });
        const bool is_finite = made.global_scale <= std::numeric_limits<float>::max();
        if (!is_finite) made.global_scale = 1.0f;
        return made;
    }

    /// The largest |w| of some rows.
    static float magnitude_of(matrix_view<const float> rows) noexcept
    {
        float magnitude = 0.0f;
        for (std::size_t r = 0; r < rows.rows(); ++r) magnitude = std::max(magnitude, magnitude_of(rows.row(r)));
        return magnitude;
    }
    static float magnitude_of(std::span<const float> group) noexcept
    {
        const value_range range = range_of(group.data(), group.size());
        return std::max(range.largest, -range.smallest); // of two zeros the positive one
    }

    /// The scale of a group, by the smallest squared error among `clip_steps` candidates, weighed by
    /// the importance (or empty). NVFP4: `global_scale` is not 0.
    fp4_scale fit_group(std::span<const float> group, std::span<const float> importance) const noexcept
    {
        const float magnitude = magnitude_of(group);
        return best_shrunk_scale(
            clip_steps, {group.data(), 1, group.size()}, importance,
            [&](float kept) {
                return kind == fp4_kind::nvfp4 ? fp8_scale(magnitude * kept) : power_of_two(magnitude * kept);
            },
            [](float w, fp4_scale scale) { return value(round_to<e2m1>(w / scale.value), scale); });
    }

    /// Quantizes and dequantizes; `out` may be `rows`. Importance matters to the clipping only.
    void pseudo_quantize(matrix_view<const float> rows, std::span<const float> importance,
                         matrix_view<float> out) const noexcept
    {
        for_each_group(
            rows, importance,
            [&](std::size_t r, std::size_t first, std::span<const float> group, fp4_scale scale, auto rounding) {
                float* const to = &out(r, first);
                for (std::size_t i = 0; i < group.size(); ++i)
                    to[i] = value(round_to<e2m1>(steps(group[i], scale, rounding)), scale);
            });
    }

    /// Bit patterns of FP4, one a byte, and of the scales, `groups` a row.
    void quantize(matrix_view<const float> rows, matrix_view<std::uint8_t> codes,
                  matrix_view<std::uint8_t> scales) const noexcept
    {
        for_each_group(
            rows, {},
            [&](std::size_t r, std::size_t first, std::span<const float> group, fp4_scale scale, auto rounding) {
                scales(r, first / group_size_of(kind)) = scale.pattern;
                for (std::size_t i = 0; i < group.size(); ++i)
                    codes(r, first + i) = pattern_of<e2m1>(steps(group[i], scale, rounding));
            });
    }

    /// What an FP4 number of a group stands for, in bfloat16 as compressed-tensors reads it.
    static float value(float number, fp4_scale scale) noexcept
    {
        return storage_rounding<bf16>::round(number * scale.value);
    }

private:
    template <class Action>
    void for_each_group(matrix_view<const float> rows, std::span<const float> importance,
                        const Action& action) const noexcept
    {
        const fp4_quantizer used = needs_magnitude() ? for_magnitude(magnitude_of(rows)) : *this;
        const std::size_t width = group_size_of(kind);
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < rows.rows(); ++r)
                for (std::size_t c = 0; c + width <= rows.cols(); c += width) {
                    const auto group = rows.row(r).subspan(c, width);
                    const auto weights = importance.empty() ? importance : importance.subspan(c, width);
                    action(r, c, group, used.fit_group(group, weights), rounding);
                }
        });
    }

    fp4_scale fp8_scale(float magnitude) const noexcept
    {
        float scale = 0.0f;
        with_storage(storage,
                     [&](auto rounding) { scale = rounding.round(rounding.round(magnitude) / e2m1::largest); });
        scale = round_to<e4m3>(global_scale * scale);
        if (scale == 0.0f) scale = 0.125f; // the distance of 1 and the next E4M3 number
        return {pattern_of<e4m3>(scale), scale / global_scale};
    }

    // The power of two below the magnitude, or above it from 1.75 times the lower one on, becomes 4.
    fp4_scale power_of_two(float magnitude) const noexcept
    {
        float stored = magnitude;
        with_storage(storage, [&](auto rounding) { stored = rounding.round(magnitude); });
        const std::uint32_t rounded_up = std::bit_cast<std::uint32_t>(stored) + (1u << 21);
        const int exponent = static_cast<int>(rounded_up >> 23) - 127 - 2;
        const int biased = std::clamp(exponent + 127, 0, 254);
        // 2^-127 is a denormal float.
        const std::uint32_t bits = biased > 0 ? static_cast<std::uint32_t>(biased) << 23 : 1u << 22;
        return {static_cast<std::uint8_t>(biased), std::bit_cast<float>(bits)};
    }

    template <class Rounding>
    AWQ_ALWAYS_INLINE float steps(float weight, fp4_scale scale, Rounding rounding) const noexcept
    {
        const float exact = rounding.round(weight) / scale.value;
        return kind == fp4_kind::nvfp4 ? exact : rounding.round(exact);
    }
};

static_assert(magnitude_quantizer<fp4_quantizer>);

} // namespace awq

#endif
