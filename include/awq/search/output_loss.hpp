// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_OUTPUT_LOSS_HPP
#define AWQ_SEARCH_OUTPUT_LOSS_HPP

#include <awq/calibration/loss_mask.hpp>
#include <awq/execution/execution_concept.hpp>
#include <awq/search/ordered_sum.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

namespace awq {

/// A sum of squared errors and how many elements went in; sums of batches add up.
struct squared_error {
    double sum = 0.0;
    std::size_t count = 0;

    /// The mean, which is the loss; NaN where nothing went in.
    double mean() const noexcept
    {
        return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
    }
    squared_error& operator+=(const squared_error& other) noexcept
    {
        sum += other.sum;
        count += other.count;
        return *this;
    }
};

/// Compares two outputs, both (tokens, features), over the tokens that the mask keeps.
template <execution E>
AWQ_ABI_TAG squared_error output_error(const E& how, matrix_view<const float> expected, matrix_view<const float> actual,
                                       loss_mask mask = {})
{
    const std::size_t width = expected.cols();
    const double sum = ordered_sum(how, expected.rows(), [&](std::size_t t) {
        if (!mask.keeps(t)) return sum_type{};
        const float *a = expected.row(t).data(), *b = actual.row(t).data();
        return lane_sum(width, [a, b](std::size_t i) {
            const sum_type difference = static_cast<sum_type>(a[i]) - static_cast<sum_type>(b[i]);
            return difference * difference;
        });
    });
    return {sum, mask.kept(expected.rows()) * width};
}

/// Floats that `linear_output_loss` needs at least; more makes it faster.
constexpr std::size_t linear_output_loss_workspace_size(std::size_t in_features, std::size_t tokens) noexcept
{
    return in_features + tokens;
}

/// The loss at the outputs of linear layers that read the same input: mean over tokens and outputs
/// of (x (W' - W)^T)^2. A callable for `scale_search`; cheaper than `gram_loss` only where there
/// are fewer tokens than in_features. `T`: the weights' element type.
template <class Product, execution E, class T = float>
class AWQ_ABI_TAG linear_output_loss {
public:
    /// `weights`: the originals, each (out_features, in_features); `x`: (tokens, in_features).
    linear_output_loss(const E& how, std::span<const matrix_view<const T>> weights, matrix_view<const float> x,
                       std::span<float> memory) noexcept
        : how_(how), weights_(weights), x_(x), memory_(memory)
    {}

    double operator()(std::span<const matrix_view<const float>> candidates) const
    {
        squared_error error;
        for (std::size_t i = 0; i < weights_.size(); ++i) error += layer_error(i, candidates[i]);
        return error.mean();
    }

private:
    squared_error layer_error(std::size_t index, matrix_view<const float> candidate) const
    {
        const matrix_view<const T> weight = weights_[index];
        const std::size_t tokens = x_.rows(), width = weight.cols();
        const std::size_t room = memory_.size() / (width + tokens);
        const std::size_t most = std::clamp<std::size_t>(room, 1, 256);
        double sum = 0.0;
        for (std::size_t first = 0; first < weight.rows(); first += most) {
            const std::size_t count = std::min(most, weight.rows() - first);
            const matrix_view<float> change{memory_.data(), count, width};
            const matrix_view<float> output{memory_.data() + count * width, count, tokens};
            how_.for_each(count, [&](std::size_t r) {
                for (std::size_t c = 0; c < width; ++c)
                    change(r, c) = candidate(first + r, c) - static_cast<float>(weight(first + r, c));
            });
            Product::multiply_nt(how_, matrix_view<const float>{change}, x_, output);
            sum += ordered_sum(how_, count, [&](std::size_t r) {
                const float* values = output.row(r).data();
                return lane_sum(tokens, [values](std::size_t t) {
                    return static_cast<sum_type>(values[t]) * static_cast<sum_type>(values[t]);
                });
            });
        }
        return {sum, tokens * weight.rows()};
    }

    const E& how_;
    std::span<const matrix_view<const T>> weights_;
    matrix_view<const float> x_;
    std::span<float> memory_;
};

} // namespace awq

#endif
