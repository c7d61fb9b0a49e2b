// SPDX-License-Identifier: MIT
#ifndef AWQ_SMOOTHING_SCALE_LIMITS_HPP
#define AWQ_SMOOTHING_SCALE_LIMITS_HPP

#include <awq/execution/for_each_row.hpp>
#include <awq/smoothing/mapping.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/storage_range.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace awq {

/// The scales with which every tensor of a mapping can be stored, one entry a scale. In memory of the
/// caller.
struct scale_limits {
    std::span<double> smallest, largest;

    /// No limits yet.
    void clear() const noexcept
    {
        std::ranges::fill(smallest, 0.0);
        std::ranges::fill(largest, std::numeric_limits<double>::infinity());
    }
};

namespace detail {

inline void limit_smooth_row(const scale_limits& limits, std::size_t i, double magnitude,
                             const storage_range& range) noexcept
{
    limits.smallest[i] = std::max(limits.smallest[i], magnitude / range.largest);
    if (magnitude > 0) limits.largest[i] = std::min(limits.largest[i], magnitude / range.smallest);
}

template <class T>
double largest_magnitude(std::span<T> values) noexcept
{
    float largest = 0;
    for (const T value : values) largest = std::max(largest, std::fabs(static_cast<float>(value)));
    return static_cast<double>(largest);
}

} // namespace detail

/// Narrows the limits to scales whose products with the columns of a balance layer are finite in
/// `storage`. A column that becomes zero is left to the loss, which sees it.
/// `magnitudes`: the largest |w| of each column. `column_scales`: as in `mapping`.
inline void limit_balance(const scale_limits& limits, std::span<const float> magnitudes, dtype storage,
                          std::span<const std::uint32_t> column_scales) noexcept
{
    const double largest = range_of(storage).largest;
    for (std::size_t c = 0; c < magnitudes.size(); ++c) {
        double& limit = limits.largest[column_scales.empty() ? c : column_scales[c]];
        if (magnitudes[c] > 0) limit = std::min(limit, largest / static_cast<double>(magnitudes[c]));
    }
}

/// The same of the layer's weight. `scratch`: in_features floats.
template <class T>
void limit_balance(const scale_limits& limits, matrix_view<T> weight, dtype storage,
                   std::span<const std::uint32_t> column_scales, std::span<float> scratch) noexcept
{
    std::ranges::fill(scratch, 0.0f);
    for (std::size_t r = 0; r < weight.rows(); ++r)
        for (std::size_t c = 0; c < weight.cols(); ++c)
            scratch[c] = std::max(scratch[c], std::fabs(static_cast<float>(weight(r, c))));
    limit_balance(limits, scratch.first(weight.cols()), storage, column_scales);
}

/// Narrows the limits to scales by which the smooth layer can be divided: all is finite in `storage`,
/// and no channel (a norm's gain, a linear layer's row) that passes something on becomes zero, for
/// then nothing could bring it back. The weights of offset norms are adapted to their storage, so of
/// them only the finite ones count.
template <execution E, class T>
void limit_smooth(const E& how, const scale_limits& limits, const basic_smooth_target<T>& smooth, dtype storage)
{
    storage_range range = range_of(storage);
    const std::size_t count = limits.smallest.size();
    if (smooth.norm && smooth.offset) range = {0.0, range.largest - 1.0};
    for_each_row(how, count, [&](std::size_t i) {
        const double gain = smooth.norm
                                ? std::fabs(detail::to_double(smooth.weight(0, i)) + (smooth.offset ? 1.0 : 0.0))
                                : detail::largest_magnitude(smooth.weight.row(smooth.row_of(i, count)));
        detail::limit_smooth_row(limits, i, gain, range);
        if (smooth.bias.empty()) return;
        const double bias = std::fabs(detail::to_double(smooth.bias[smooth.row_of(i, count)]));
        limits.smallest[i] = std::max(limits.smallest[i], bias / range.largest);
    });
}

} // namespace awq

#endif
