// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
using element = float;
#else
using element = awq::bf16;
#endif

bool smooth(awq::matrix_view<awq::bf16> up, std::span<element> bias, awq::matrix_view<awq::bf16> down,
            awq::matrix_view<const float> x, awq::workspace memory)
{
    const awq::modifier<awq::smoothing_only<>> how;
    return how.smooth(awq::smooth_layer{up, bias}, awq::balance_layers{down}, awq::activations{x}, memory).has_value();
}
