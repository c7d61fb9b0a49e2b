// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_ROUTE_HPP
#define AWQ_DEVICE_HOST_ROUTE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/router_rule.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

inline void softmax_of(std::span<float> values) noexcept
{
    const float top = *std::ranges::max_element(values);
    float sum = 0.0f;
    for (float& value : values) sum += value = std::exp(value - top);
    for (float& value : values) value /= sum;
}

inline void score(router_kind kind, std::span<float> logits) noexcept
{
    if (kind == router_kind::softmax) softmax_of(logits);
    if (kind == router_kind::sigmoid)
        for (float& value : logits) value = 1.0f / (1.0f + std::exp(-value));
}

/// The `count` best of some values, the best first; of equal ones the first.
inline std::vector<std::size_t> best_of(std::span<const float> values, std::size_t count)
{
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    count = std::min(count, order.size());
    std::partial_sort(
        order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
        [&](std::size_t a, std::size_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
    order.resize(count);
    return order;
}

/// Takes the experts of all but the best groups out of the choice.
inline void mask_groups(const router_rule& rule, std::span<float> choice)
{
    if (rule.groups <= 1) return;
    const std::size_t size = choice.size() / rule.groups;
    std::vector<float> sums;
    for (std::size_t g = 0; g < rule.groups; ++g) {
        const auto group = choice.subspan(g * size, size);
        float sum = 0.0f;
        for (const std::size_t best : best_of(group, rule.group_best)) sum += group[best];
        sums.push_back(sum);
    }
    const auto kept = best_of(sums, rule.chosen_groups);
    for (std::size_t g = 0; g < rule.groups; ++g)
        if (std::ranges::find(kept, g) == kept.end())
            std::ranges::fill(choice.subspan(g * size, size), -std::numeric_limits<float>::infinity());
}

/// Scores become the weights of the chosen.
inline std::vector<float> weights_of(const router_rule& rule, std::span<const float> scores,
                                     std::span<const std::size_t> chosen)
{
    std::vector<float> weights;
    for (const std::size_t e : chosen) weights.push_back(scores[e]);
    if (rule.kind == router_kind::softmax_chosen) softmax_of(weights);
    if (rule.kind == router_kind::sigmoid_chosen) score(router_kind::sigmoid, weights);
    const float sum = std::accumulate(weights.begin(), weights.end(), 0.0f);
    for (float& weight : weights) weight = (rule.normalized ? weight / (sum + 1e-20f) : weight) * rule.scaling;
    return weights;
}

/// The best of `scores`, -infinity of those that are out, and its weight: its softmax among those that
/// come close to it. `logits` are all of them.
inline std::pair<std::size_t, float> mix_sparsely(const router_rule& rule, std::span<const float> logits,
                                                  std::span<const float> scores)
{
    const std::size_t best = best_of(scores, 1).front();
    float sum = 0.0f;
    for (std::size_t e = 0; e < scores.size(); ++e) {
        const float distance = scores[best] - scores[e];
        const float size = std::max(std::fabs(logits[e]), scores[best]);
        if (!(distance / size > 2.0f * rule.jitter)) sum += std::exp(-distance);
    }
    return {best, 1.0f / sum};
}

/// The experts of a token and their weights; `scores` of the token are used up.
inline std::vector<std::pair<std::size_t, float>> choose_sparsely(const router_rule& rule, std::span<float> scores)
{
    const std::vector<float> logits(scores.begin(), scores.end());
    std::vector<std::pair<std::size_t, float>> chosen;
    for (std::size_t i = 0; i < std::min(rule.per_token, scores.size()); ++i) {
        chosen.push_back(mix_sparsely(rule, logits, scores));
        scores[chosen.back().first] = -std::numeric_limits<float>::infinity();
    }
    return chosen;
}

/// The same by scores that all experts have.
inline std::vector<std::pair<std::size_t, float>> choose(const router_rule& rule, std::span<const float> bias,
                                                         std::span<float> scores)
{
    if (rule.kind == router_kind::sparse_mixer) return choose_sparsely(rule, scores);
    score(rule.kind, scores);
    std::vector<float> choice(scores.begin(), scores.end());
    for (std::size_t e = 0; e < bias.size(); ++e) choice[e] += bias[e];
    mask_groups(rule, choice);
    const auto best = best_of(choice, rule.per_token);
    const auto weights = weights_of(rule, scores, best);
    std::vector<std::pair<std::size_t, float>> chosen;
    for (std::size_t i = 0; i < best.size(); ++i) chosen.emplace_back(best[i], weights[i]);
    return chosen;
}

} // namespace detail

/// The tokens of each expert. `logits` (tokens, experts) is used up; `bias` (experts) or empty is
/// added to the scores for the choice, but not for the weights.
inline std::vector<std::vector<routed_token>> route(const router_rule& rule, std::span<const float> bias,
                                                    matrix_view<float> logits)
{
    std::vector<std::vector<routed_token>> tokens(logits.cols());
    for (std::size_t t = 0; t < logits.rows(); ++t)
        for (const auto& [expert, weight] : detail::choose(rule, bias, logits.row(t)))
            tokens[expert].push_back({t, weight});
    return tokens;
}

} // namespace awq

#endif
