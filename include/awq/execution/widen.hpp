// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_WIDEN_HPP
#define AWQ_EXECUTION_WIDEN_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/matrix_view.hpp>
#include <awq/tensor/workspace.hpp>

#include <cstddef>
#include <span>

namespace awq {

/// Copies a tensor of f16 or bf16 (or float) into one of float of the same shape; nothing is lost.
template <execution E, class T>
void widen(const E& how, matrix_view<T> from, matrix_view<float> to)
{
    how.for_each(from.rows(), [=](std::size_t r) {
        const std::span<T> in = from.row(r);
        float* const out = to.row(r).data();
        for (std::size_t c = 0; c < in.size(); ++c) out[c] = static_cast<float>(in[c]);
    });
}

/// Calls `use(first, tile)` for tiles of a tensor's rows in float, in order, as many rows at a time as
/// `memory` holds; that must be one at least.
template <execution E, class T, class Use>
void for_each_widened(const E& how, matrix_view<T> from, std::span<float> memory, Use&& use)
{
    const std::size_t most = memory.size() / from.cols();
    for (std::size_t first = 0; first < from.rows(); first += most) {
        const std::size_t count = most < from.rows() - first ? most : from.rows() - first;
        const matrix_view<float> tile{memory.data(), count, from.cols()};
        widen(how, from.rows_from(first, count), tile);
        use(first, matrix_view<const float>{tile});
    }
}

/// A tensor in float: itself, or a copy in the front of `memory`; workspace_too_small where that has no room.
template <execution E, tensor_element T>
result<matrix_view<const float>> in_float(const E& how, matrix_view<T> tensor, workspace& memory)
{
    if constexpr (half_element<T>) {
        const std::span<float> space = memory.take<float>(tensor.size());
        if (space.size() != tensor.size())
            return error{error_code::workspace_too_small, "a tensor in 16 bits needs ", tensor.size(),
                         " floats to be widened in; see workspace_size"};
        const matrix_view<float> wide{space.data(), tensor.rows(), tensor.cols()};
        widen(how, tensor, wide);
        return matrix_view<const float>{wide};
    } else {
        return matrix_view<const float>{tensor};
    }
}

} // namespace awq

#endif
