// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_NORM_VIEW_HPP
#define AWQ_DEVICE_FORWARD_NORM_VIEW_HPP

#include <awq/support/requires_hosted.hpp>

#include <span>

namespace awq {

/// rms: x / sqrt(mean(x^2) + eps); layer: (x - mean(x)) / sqrt(variance(x) + eps).
enum class norm_kind : unsigned char { rms, layer };

/// How a norm is computed: normed(x) * (weight + offset) + bias.
struct norm_rule {
    float eps = 1e-6f;
    float offset = 0.0f;
    norm_kind kind = norm_kind::rms;
    bool has_weight = true; ///< else it multiplies by nothing
    bool has_bias = false;
};

/// A norm's weight and bias, (size) or empty, and how it is computed.
struct norm_view {
    std::span<const float> weight = {}, bias = {};
    norm_rule rule;
};

} // namespace awq

#endif
