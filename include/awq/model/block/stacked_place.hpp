// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_STACKED_PLACE_HPP
#define AWQ_MODEL_BLOCK_STACKED_PLACE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

namespace awq {

/// How a checkpoint that has one tensor for all experts lays their matrices.
enum class stack_order : unsigned char {
    none,     ///< there is no such tensor
    out_in,   ///< (experts, outputs, inputs), as a linear layer's weight
    in_out,   ///< (experts, inputs, outputs)
    by_shape, ///< one or the other, as the tensor's shape says
};

/// Where an expert's tensor lies in a checkpoint that stacks those of all experts: in one slab, whose
/// outputs are those of one layer (down), of two one after the other (gate, up), or in turns.
struct stacked_place {
    std::string name; ///< of the stack, from the block; without ".weight" too
    stack_order order = stack_order::none;
    std::size_t slab = 0, slabs = 0; ///< the expert's, and how many there are
    std::size_t outputs = 0;         ///< of a slab
    std::size_t first = 0, step = 1; ///< output i of the layer is output first + i * step
};

namespace detail {

/// Calls `move(element of the slab, row, column)` for every element of a tensor (outputs, inputs).
/// Rows go by sixteen, so that neither side strides through memory.
template <class Move>
void visit_slab(const stacked_place& at, bool is_transposed, std::size_t rows, std::size_t cols, const Move& move)
{
    constexpr std::size_t at_once = 16;
    for (std::size_t begin = 0; begin < rows; begin += at_once)
        for (std::size_t c = 0; c < cols; ++c)
            for (std::size_t r = begin; r < std::min(rows, begin + at_once); ++r) {
                const std::size_t output = at.first + r * at.step;
                move(is_transposed ? c * at.outputs + output : output * cols + c, r, c);
            }
}

} // namespace detail

/// Copies a tensor (outputs, inputs) out of its slab.
inline void take_from_slab(const stacked_place& at, bool is_transposed, std::span<const float> slab,
                           matrix_view<float> out)
{
    detail::visit_slab(at, is_transposed, out.rows(), out.cols(),
                       [&](std::size_t i, std::size_t r, std::size_t c) { out(r, c) = slab[i]; });
}

/// Copies it back.
inline void put_into_slab(const stacked_place& at, bool is_transposed, matrix_view<const float> from,
                          std::span<float> slab)
{
    detail::visit_slab(at, is_transposed, from.rows(), from.cols(),
                       [&](std::size_t i, std::size_t r, std::size_t c) { slab[i] = from(r, c); });
}

} // namespace awq

#endif
