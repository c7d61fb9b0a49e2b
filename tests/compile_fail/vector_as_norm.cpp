// SPDX-License-Identifier: MIT
#include <awq/modifier.hpp>

#include <vector>

bool smooth(std::vector<float>& norm, awq::matrix_view<float> q, awq::matrix_view<const float> x, awq::workspace memory)
{
    const awq::modifier<awq::smoothing_only<>> how;
#ifdef AWQ_MUST_FAIL
    const awq::smooth_layer layer{norm};
#else
    const awq::smooth_layer layer{std::span{norm}};
#endif
    return how.smooth(layer, awq::balance_layers{q}, awq::activations{x}, memory).has_value();
}
