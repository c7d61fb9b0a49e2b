// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_CLIP_WEIGHTS_HPP
#define AWQ_QUANTIZATION_CLIP_WEIGHTS_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/quantization/integer_quantizer.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

/// Clamps a group to what the codes of its best range can stand for, if that is not the whole range.
inline void clip_group(const integer_quantizer& format, std::span<const float> importance,
                       std::span<float> group) noexcept
{
    integer_quantizer unclipped = format;
    unclipped.clip_steps = 1;
    const qparams best = format.fit_group(group, importance);
    if (best.scale == unclipped.fit_group(group, importance).scale) return;
    const float low = (format.format.smallest() - best.zero_point) * best.scale;
    const float high = (format.format.largest() - best.zero_point) * best.scale;
    for (float& weight : group) weight = std::clamp(weight, low, high);
}

} // namespace detail

/// Weight clipping as llm-awq's auto_clip does it: within each group of `weight` (out_features,
/// in_features) outliers give way, so that the others are rounded more finely later. This changes
/// what the layer computes. `importance`: mean of x^2 per column, or empty. The format must fit.
template <execution E>
void clip_weights(const E& how, const integer_quantizer& format, std::span<const float> importance,
                  matrix_view<float> weight)
{
    const std::size_t width = format.scale_columns(weight.cols());
    how.for_each(weight.rows(), [&](std::size_t row) {
        for (std::size_t first = 0; first < weight.cols(); first += width)
            detail::clip_group(format, importance.empty() ? importance : importance.subspan(first, width),
                               weight.row(row).subspan(first, width));
    });
}

} // namespace awq

#endif
