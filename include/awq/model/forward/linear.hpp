// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_LINEAR_HPP
#define AWQ_MODEL_FORWARD_LINEAR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/model/block/block_linear.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

/// Calls task(row) for every row below `rows`, in runs of a fixed number of rows.
template <execution E, class Task>
void for_each_row(const E& e, std::size_t rows, const Task& task)
{
    constexpr std::size_t grain = 32;
    e.for_each(chunk_count(rows, grain), [&](std::size_t chunk) {
        const std::size_t end = std::min(rows, (chunk + 1) * grain);
        for (std::size_t row = chunk * grain; row < end; ++row) task(row);
    });
}

/// output = input weight^T + bias: input (tokens, in_features), output (tokens, out_features).
template <class Product, execution E>
void linear_forward(const E& e, const linear_view& linear, matrix_view<const float> input, matrix_view<float> output)
{
    Product::multiply_nt(e, input, linear.weight, output);
    if (linear.bias.empty()) return;
    for_each_row(e, output.rows(), [&](std::size_t t) { kernels::simd::add(linear.bias, output.row(t)); });
}

/// y += x, row by row.
template <execution E>
void add_rows(const E& e, matrix_view<const float> x, matrix_view<float> y)
{
    for_each_row(e, y.rows(), [&](std::size_t t) { kernels::simd::add(x.row(t), y.row(t)); });
}

} // namespace awq

#endif
