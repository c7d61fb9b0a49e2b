// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_DIVERGENCE_HPP
#define AWQ_PIPELINE_DIVERGENCE_HPP

#include <awq/support/requires_hosted.hpp>

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
    /// Stripes of the same words.
    void add(std::span<const float> reference, std::span<const float> logits)
    {
        p_.raise(*std::max_element(reference.begin(), reference.end()), difference_);
        double nothing = 0;
        q_.raise(*std::max_element(logits.begin(), logits.end()), nothing);
        for (std::size_t i = 0; i < reference.size(); ++i) {
            const double weight = std::exp(reference[i] - p_.highest);
            p_.sum += weight;
            q_.sum += std::exp(logits[i] - q_.highest);
            difference_ += weight * (static_cast<double>(reference[i]) - logits[i]);
        }
    }

    double value() const
    {
        return std::max(0.0, difference_ / p_.sum - p_.logarithm() + q_.logarithm());
    }

private:
    /// sum(exp(logit - highest)) over what has been seen.
    struct exponentials {
        float highest = -std::numeric_limits<float>::infinity();
        double sum = 0;

        /// Sums so far, and `other` that was weighted alike, now relative to a larger logit.
        void raise(float seen, double& other)
        {
            if (seen <= highest) return;
            const double factor = std::exp(static_cast<double>(highest) - seen);
            sum *= factor;
            other *= factor;
            highest = seen;
        }
        double logarithm() const { return highest + std::log(sum); }
    };

    exponentials p_, q_;
    double difference_ = 0; ///< sum of exp(reference - highest) (reference - logit)
};

} // namespace awq

#endif
