// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_RUNNING_SOFTMAX_HPP
#define AWQ_DEVICE_HOST_RUNNING_SOFTMAX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/kernels/xsimd.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace awq {

/// The softmax of scores that come in parts (Milakov and Gimelshein 2018, "Online normalizer calculation for
/// softmax"): weights are exp(score - the greatest score so far), and in the end have to be divided by their sum.
class running_softmax {
public:
    /// Turns factor * scores into weights; gives what the weights before have to be multiplied with. At least one.
    float add(float factor, std::span<float> scores) noexcept
    {
        const auto ends = kernels::simd::min_max(scores);
        const float greatest = std::max(greatest_, factor * (factor < 0.0f ? ends.min : ends.max));
        const float shrinking = kernels::exponential(greatest_ - greatest);
        sum_ = sum_ * shrinking + kernels::simd::exponentials(factor, greatest, scores);
        greatest_ = greatest;
        return shrinking;
    }
    /// A score whose weight nobody needs.
    void add(float score) noexcept { sum_ += std::exp(score - greatest_); }

    float sum() const noexcept { return sum_; }

private:
    float greatest_ = -std::numeric_limits<float>::infinity();
    float sum_ = 0.0f;
};

} // namespace awq

#endif
