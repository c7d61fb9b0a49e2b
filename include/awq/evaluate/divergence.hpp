// SPDX-License-Identifier: MIT
#ifndef AWQ_EVALUATE_DIVERGENCE_HPP
#define AWQ_EVALUATE_DIVERGENCE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/execution/kernels/xsimd.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace awq {

/// KL(p || q) of one position in nats, p and q being the softmaxes of logits that arrive a stripe of
/// the vocabulary at a time, so that no row of logits is ever whole.
class running_divergence {
public:
    /// Stripes of the same words, at least one.
    void add(std::span<const float> reference, std::span<const float> logits);

    double value() const { return std::max(0.0, mean_ - p_ + q_); }

private:
    /// log(sum(exp(logits))); `weights` becomes their softmax.
    static double log_sum(std::span<const float> logits, std::vector<float>& weights)
    {
        weights.assign(logits.begin(), logits.end());
        kernels::simd::softmax(1.0f, weights);
        const double highest = kernels::simd::min_max(logits).max;
        const double its_weight = kernels::simd::min_max(std::span<const float>{weights}).max;
        return highest - std::log(its_weight);
    }
    /// log(exp(a) + exp(b)).
    static double joined(double a, double b) { return std::max(a, b) + std::log1p(std::exp(-std::fabs(a - b))); }

    double p_ = -std::numeric_limits<double>::infinity(); ///< log(sum(exp)) of what has been seen
    double q_ = -std::numeric_limits<double>::infinity();
    double mean_ = 0; ///< of reference - logits under p
};

#if AWQ_COMPILES_KERNELS
AWQ_COMPILED void running_divergence::add(std::span<const float> reference, std::span<const float> logits)
{
    std::vector<float> weights;
    const double p = log_sum(reference, weights);
    double mean = 0; // of the difference, over the stripe's share of p
    for (std::size_t i = 0; i < weights.size(); ++i)
        mean += weights[i] * (static_cast<double>(reference[i]) - logits[i]);
    const double seen = std::exp(p_ - joined(p_, p));
    mean_ = seen * mean_ + (1.0 - seen) * mean;
    p_ = joined(p_, p);
    q_ = joined(q_, log_sum(logits, weights));
}
#endif

} // namespace awq

#endif
