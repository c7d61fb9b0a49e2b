// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FORWARD_LINEAR_VIEW_HPP
#define AWQ_DEVICE_FORWARD_LINEAR_VIEW_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/matrix_view.hpp>

#include <span>

namespace awq {

/// A linear layer, y = x weight^T + bias: weight (out_features, in_features), bias (out_features)
/// or empty. Views of memory that somebody else owns.
struct linear_view {
    matrix_view<const float> weight;
    std::span<const float> bias = {};
};

} // namespace awq

#endif
