// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

bool smooth(std::span<float> norm, awq::matrix_view<float> q, awq::matrix_view<const float> x,
            [[maybe_unused]] awq::workspace memory)
{
    const awq::modifier<awq::smoothing_only<>> how;
#ifdef AWQ_MUST_FAIL
    return how.smooth(awq::smooth_layer{norm}, awq::balance_layers{q}, awq::activations{x}).has_value();
#else
    return how.smooth(awq::smooth_layer{norm}, awq::balance_layers{q}, awq::activations{x}, memory).has_value();
#endif
}
