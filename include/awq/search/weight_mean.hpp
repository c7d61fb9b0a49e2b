// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_WEIGHT_MEAN_HPP
#define AWQ_SEARCH_WEIGHT_MEAN_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/quantization/storage_rounding.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

template <class T, class Rounding>
void add_group_magnitudes(const T* group, std::size_t count, double* sums, Rounding) noexcept
{
    float largest = 0.0f;
    for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(static_cast<float>(group[i])));
    const float divisor = Rounding::round(Rounding::round(largest) + 1e-6f);
    for (std::size_t i = 0; i < count; ++i)
        sums[i] += Rounding::round(std::fabs(Rounding::round(static_cast<float>(group[i]))) / divisor);
}

} // namespace detail

/// Adds a weight's normalised magnitudes to `sums` (in_features): |w| / (max of its group + 1e-6),
/// divided in the storage type (a dtype, or a `storage_rounding`), summed over rows. `group` columns
/// share a scale.
/// Divide the sums by the number of rows of all layers that went in: that is w_mean.
template <execution E, class T, class Storage>
void add_weight_magnitudes(const E& how, matrix_view<T> weight, std::size_t group, Storage storage,
                           std::span<double> sums)
{
    how.for_each(chunk_count(weight.cols(), group), [&](std::size_t index) {
        const std::size_t first = index * group;
        const std::size_t count = std::min(group, weight.cols() - first);
        with_storage(storage, [&](auto rounding) {
            for (std::size_t r = 0; r < weight.rows(); ++r)
                detail::add_group_magnitudes(weight.row(r).data() + first, count, sums.data() + first, rounding);
        });
    });
}

} // namespace awq

#endif
