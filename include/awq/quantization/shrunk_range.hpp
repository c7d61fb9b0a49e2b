// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_SHRUNK_RANGE_HPP
#define AWQ_QUANTIZATION_SHRUNK_RANGE_HPP

#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <span>

namespace awq {

/// Weight clipping: of the scales that `make(kept)` gives for the range of a block of weights (1.0f)
/// and for `steps` - 1 parts of it, down to half, the one with the smallest squared error, weighted
/// by the importance (one value a column, or empty). `value(w, scale)` is what a weight is rounded to.
template <class Make, class Value>
auto best_shrunk_scale(int steps, matrix_view<const float> block, std::span<const float> importance, const Make& make,
                       const Value& value) noexcept
{
    const auto error_of = [&](const auto& scale) {
        double total = 0;
        for (std::size_t r = 0; r < block.rows(); ++r) {
            const std::span<const float> row = block.row(r);
            float sum = 0;
            for (std::size_t i = 0; i < row.size(); ++i) {
                const float missing = row[i] - value(row[i], scale);
                sum += missing * missing * (importance.empty() ? 1.0f : importance[i]);
            }
            total += static_cast<double>(sum);
        }
        return total;
    };
    auto best = make(1.0f);
    if (steps <= 1) return best;
    double least = error_of(best);
    for (int step = 1; step < steps; ++step) {
        const auto candidate = make(1.0f - 0.5f * static_cast<float>(step) / static_cast<float>(steps));
        const double error = error_of(candidate);
        if (error < least) least = error, best = candidate;
    }
    return best;
}

} // namespace awq

#endif
