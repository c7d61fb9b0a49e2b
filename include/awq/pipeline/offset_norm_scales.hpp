// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_OFFSET_NORM_SCALES_HPP
#define AWQ_PIPELINE_OFFSET_NORM_SCALES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/float16.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

/// The weight to store for a gain of 1 + weight, exact in 16 bits, and not -1 unless the gain is 0.
inline double stored_offset(double gain) noexcept
{
    const auto weight = static_cast<double>(static_cast<float>(bf16{static_cast<float>(gain - 1)}));
    const bool lost = gain != 0 && (weight + 1) * gain <= 0;
    const double next_to_minus_one = gain > 0 ? -1 + 0x1p-8 : -1 - 0x1p-7;
    return lost ? next_to_minus_one : weight;
}

} // namespace detail

/// Adapts scales to a norm that multiplies by 1 + weight (Gemma), so that its new weights survive
/// 16-bit storage. A gain of 0.01 is stored as -0.99, whose last bit in bfloat16 is 0.004: rounding
/// it would change what the model computes. So the scales
/// - become 1 where the gain is 0 (such channels have no input, and a scale that says nothing),
/// - are centred (geometric mean 1) over the others, which keeps the gains where they were,
/// - are made exact: each the quotient of the old gain and of the new one as it will be stored.
inline void adapt_to_offset_norm(std::span<const float> weight, std::span<double> scales) noexcept
{
    double logarithms = 0;
    std::size_t alive = 0;
    for (std::size_t i = 0; i < scales.size(); ++i) {
        if (weight[i] == -1.0f) continue;
        logarithms += std::log(scales[i]);
        ++alive;
    }
    const double centre = alive == 0 ? 1.0 : std::exp(logarithms / static_cast<double>(alive));
    for (std::size_t i = 0; i < scales.size(); ++i) {
        const double gain = 1.0 + static_cast<double>(weight[i]);
        const double wanted = gain * centre / scales[i];
        scales[i] = gain == 0 ? 1.0 : gain / (1.0 + detail::stored_offset(wanted));
    }
}

} // namespace awq

#endif
