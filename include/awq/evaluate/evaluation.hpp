// SPDX-License-Identifier: MIT
#ifndef AWQ_EVALUATE_EVALUATION_HPP
#define AWQ_EVALUATE_EVALUATION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

namespace awq {

/// How one position's next-token distribution fits the text and a reference distribution.
struct position_score {
    double negative_log_likelihood = 0; ///< of the token that follows, in nats
    double kl_divergence = 0;           ///< KL(reference || model), in nats
    bool same_top = false;              ///< both rank the same token first, and all is finite
};

/// log(sum(exp(logits))), in double.
inline double log_sum_exp(std::span<const float> logits)
{
    const float highest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) sum += static_cast<double>(std::exp(logit - highest));
    return highest + std::log(sum);
}

/// KL(p || q) in nats for p = softmax(reference) and q = softmax(logits), both of vocab_size values.
/// With d = logits - reference it is log(E_p[e^d]) - E_p[d]; the common offset of d cancels.
inline double kl_divergence(std::span<const float> reference, std::span<const float> logits)
{
    const float highest = *std::max_element(reference.begin(), reference.end());
    const double offset = log_sum_exp(logits) - log_sum_exp(reference);
    double weight = 0, mean = 0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        const double p = std::exp(reference[i] - highest);
        weight += p;
        mean += p * (static_cast<double>(reference[i]) - static_cast<double>(logits[i]) + offset);
    }
    return std::max(mean / weight, 0.0);
}

/// Scores one position; `reference` may be empty.
AWQ_COMPILED position_score score_position(std::span<const float> logits, std::span<const float> reference,
                                           std::size_t next_token);
#if AWQ_COMPILES_KERNELS
AWQ_COMPILED position_score score_position(std::span<const float> logits, std::span<const float> reference,
                                           std::size_t next_token)
{
    position_score score;
    score.negative_log_likelihood = log_sum_exp(logits) - static_cast<double>(logits[next_token]);
    if (reference.empty()) return score;
    const auto top = [](std::span<const float> row) { return std::max_element(row.begin(), row.end()) - row.begin(); };
    score.kl_divergence = kl_divergence(reference, logits);
    score.same_top = std::isfinite(score.kl_divergence) && top(logits) == top(reference);
    return score;
}
#endif

/// The means over all scored positions. Sums merge, so parts may be evaluated on their own.
struct evaluation {
    std::size_t tokens = 0; ///< positions that were scored
    double negative_log_likelihood_sum = 0;
    double kl_divergence_sum = 0;
    std::size_t same_top = 0;
    std::string_view instruction_set; ///< that computed: "baseline", "x86-64-v3", "x86-64-v4"

    void add(const position_score& score)
    {
        ++tokens;
        negative_log_likelihood_sum += score.negative_log_likelihood;
        kl_divergence_sum += score.kl_divergence;
        same_top += score.same_top ? 1 : 0;
    }

    double perplexity() const { return std::exp(negative_log_likelihood_sum / static_cast<double>(tokens)); }
    double kl_divergence() const { return kl_divergence_sum / static_cast<double>(tokens); }
    double top1_agreement() const { return static_cast<double>(same_top) / static_cast<double>(tokens); }
};

} // namespace awq

#endif
