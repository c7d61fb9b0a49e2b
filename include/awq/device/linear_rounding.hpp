// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_LINEAR_ROUNDING_HPP
#define AWQ_DEVICE_LINEAR_ROUNDING_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/matrix_view.hpp>

#include <span>

namespace awq {

/// How the weight of a linear layer is rounded to its format.
struct linear_rounding {
    matrix_view<const float> feedback = {}; ///< from `device::make_feedback`; empty: no error feedback
    std::span<const float> importance = {}; ///< mean of x^2 per column, or empty
    float magnitude = 0.0f;                 ///< the largest |w| of the layers that share a scale of NVFP4
    int clip_steps = 1;                     ///< see `rounding_options`
    bool better_rounding = false;
};

} // namespace awq

#endif
