// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_ROUTER_RULE_HPP
#define AWQ_DEVICE_FORWARD_ROUTER_RULE_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>

namespace awq {

/// From a router's logits to scores.
enum class router_kind : unsigned char {
    softmax,        ///< over all experts
    softmax_chosen, ///< over those that are chosen
    sigmoid,        ///< of each alone
    sigmoid_chosen, ///< of each of those that are chosen by their logits
    sparse_mixer,   ///< one after the other, each against those that come close to it (PhiMoE)
};

/// Which experts a token goes through, and how much each counts.
struct router_rule {
    router_kind kind = router_kind::softmax;
    std::size_t per_token = 1;
    std::size_t groups = 1, chosen_groups = 1;
    bool normalized = true; ///< weights add up to 1
    float scaling = 1.0f;
    std::size_t group_best = 2; ///< a group counts by its so many best experts
    float jitter = 0.01f;       ///< sparse_mixer: who comes within twice this share of the best is close
};

/// A token that an expert is run on, and the weight of what it says.
struct routed_token {
    std::size_t token = 0;
    float weight = 0.0f;
};

} // namespace awq

#endif
