// SPDX-License-Identifier: MIT
#ifndef AWQ_SMOOTHING_OFFSET_NORM_SCALES_HPP
#define AWQ_SMOOTHING_OFFSET_NORM_SCALES_HPP

#include <awq/support/float16.hpp>
#include <awq/tensor/element.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>

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
/// Scales that are all 1 stay so. `T`: the weight's element type.
template <tensor_element T = float>
void adapt_to_offset_norm(std::span<const std::type_identity_t<T>> weight, std::span<double> scales) noexcept
{
    const auto is_one = [](double scale) { return scale == 1.0; };
    if (std::all_of(scales.begin(), scales.end(), is_one)) return;
    double logarithms = 0;
    std::size_t alive = 0;
    for (std::size_t i = 0; i < scales.size(); ++i) {
        if (detail::to_double(weight[i]) == -1.0) continue;
        logarithms += std::log(scales[i]);
        ++alive;
    }
    const double centre = alive == 0 ? 1.0 : std::exp(logarithms / static_cast<double>(alive));
    for (std::size_t i = 0; i < scales.size(); ++i) {
        const double gain = 1.0 + detail::to_double(weight[i]);
        const double wanted = gain * centre / scales[i];
        scales[i] = gain == 0 ? 1.0 : gain / (1.0 + detail::stored_offset(wanted));
    }
}

} // namespace awq

#endif
