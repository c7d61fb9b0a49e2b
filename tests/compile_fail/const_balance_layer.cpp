// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
using element = const float;
#else
using element = float;
#endif

bool smooth(std::span<float> norm, awq::matrix_view<element> q, awq::matrix_view<const float> x, awq::workspace memory)
{
    const awq::modifier<awq::smoothing_only<>> how;
    return how.smooth(awq::smooth_layer{norm}, awq::balance_layers{q}, awq::activations{x}, memory).has_value();
}
