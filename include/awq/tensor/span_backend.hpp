// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_SPAN_BACKEND_HPP
#define AWQ_TENSOR_SPAN_BACKEND_HPP

#include <awq/tensor/backend_concept.hpp>

#include <cstddef>
#include <span>

namespace awq {

/// The caller owns every byte; tensors are `matrix_view`s, and spans where a vector is meant.
struct span_backend {
    using policy_axis = axis::backend;
    using product = plain_product;

    template <class T>
    static constexpr matrix_view<T> view(matrix_view<T> tensor) noexcept
    {
        return tensor;
    }
    template <class T, std::size_t Extent>
    static constexpr matrix_view<T> view(std::span<T, Extent> vector) noexcept
    {
        return as_row(std::span<T>{vector});
    }
};

static_assert(tensor_backend<span_backend>);

} // namespace awq

#endif
