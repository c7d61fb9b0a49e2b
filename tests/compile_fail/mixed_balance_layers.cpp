// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
using other = float;
#else
using other = awq::bf16;
#endif

bool smooth(std::span<float> norm, awq::matrix_view<awq::bf16> q, awq::matrix_view<other> k,
            awq::matrix_view<const float> x, awq::workspace memory)
{
    const awq::modifier<awq::smoothing_only<>> how;
    return how.smooth(awq::smooth_layer{norm}, awq::balance_layers{q, k}, awq::activations{x}, memory).has_value();
}
