// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_CHANNEL_SUMS_HPP
#define AWQ_DEVICE_HOST_CHANNEL_SUMS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/for_each_row.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace awq {

/// largest[c] becomes the largest |x| of channel c, where it is larger: x (tokens, channels).
template <execution E>
void raise_largest(const E& how, matrix_view<const float> x, std::span<float> largest)
{
    constexpr std::size_t at_once = 64;
    how.for_each(chunk_count(x.cols(), at_once), [&](std::size_t chunk) {
        const std::size_t first = chunk * at_once;
        const std::size_t count = std::min(at_once, x.cols() - first);
        float* const most = largest.data() + first;
        for (std::size_t r = 0; r < x.rows(); ++r) {
            const float* const from = x.row(r).data() + first;
            for (std::size_t c = 0; c < count; ++c) most[c] = std::max(most[c], std::fabs(from[c]));
        }
    });
}

/// The Gram matrix of inputs that are divided by `scales`, one for each channel.
template <execution E>
void divide_gram(const E& how, std::span<const double> scales, matrix_view<float> gram)
{
    how.for_each(gram.rows(), [&](std::size_t i) {
        float* const row = gram.row(i).data();
        for (std::size_t j = 0; j < gram.cols(); ++j) row[j] /= static_cast<float>(scales[i] * scales[j]);
    });
}

/// The inputs themselves, divided so.
template <execution E>
void divide_columns(const E& how, std::span<const double> scales, matrix_view<float> x)
{
    for_each_row(how, x.rows(), [&](std::size_t t) {
        float* const row = x.row(t).data();
        for (std::size_t c = 0; c < x.cols(); ++c) row[c] = static_cast<float>(row[c] / scales[c]);
    });
}

} // namespace awq

#endif
