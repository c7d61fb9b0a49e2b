// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_LINEAR_FORWARD_HPP
#define AWQ_DEVICE_HOST_LINEAR_FORWARD_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/linear_view.hpp>
#include <awq/execution/for_each_row.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>

namespace awq {

/// output = input weight^T + bias: input (tokens, in_features), output (tokens, out_features).
template <class Product, execution E>
void linear_forward(const E& e, const linear_view& linear, matrix_view<const float> input, matrix_view<float> output)
{
    Product::multiply_nt(e, input, linear.weight, output);
    if (linear.bias.empty()) return;
    for_each_row(e, output.rows(), [&](std::size_t t) { kernels::simd::add(linear.bias, output.row(t)); });
}

} // namespace awq

#endif
