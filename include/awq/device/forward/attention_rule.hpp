// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_ATTENTION_RULE_HPP
#define AWQ_DEVICE_FORWARD_ATTENTION_RULE_HPP

#include <awq/support/requires_hosted.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace awq {

/// Queries that grow with their position: times 1 + slope ln(1 + floor((position + shift) / length)).
struct query_growth {
    double slope = 0.0;
    std::size_t length = 0; ///< 0: they do not
    std::size_t shift = 0;

    float at(std::size_t position) const noexcept
    {
        const auto steps = static_cast<double>((position + shift) / length);
        return static_cast<float>(1.0 + slope * std::log1p(steps));
    }
};

/// How the heads of a block see each other's tokens.
struct attention_rule {
    std::size_t heads = 1, kv_heads = 1;
    std::size_t head = 0;              ///< size of a query's and key's head
    std::size_t value_head = 0;        ///< of a value's
    std::size_t window = 0;            ///< tokens that are seen, the own one included; 0: all before it
    float scale = 1.0f;                ///< of scores
    float cap = 0.0f;                  ///< scores become cap * tanh(score / cap); 0: they stay
    std::size_t chunk = 0;             ///< tokens see those of their own chunk of this size only; 0: all
    query_growth growth = {};          ///< of queries
    std::span<const float> sinks = {}; ///< (heads) or empty: a score that is dropped after the softmax
    std::vector<float> slopes = {};    ///< of heads: scores grow by slope * position of the key; or none
    float slope_scale = 1.0f;          ///< of that; else than 1: after it is rounded to bfloat16
};

} // namespace awq

#endif
