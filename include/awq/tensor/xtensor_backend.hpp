// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_XTENSOR_BACKEND_HPP
#define AWQ_TENSOR_XTENSOR_BACKEND_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/tensor/backend_concept.hpp>

// xtensor 0.26 moved its headers into folders.
#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xtensor.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xtensor.hpp>
#endif

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace awq {

/// Tensors are `xt::xtensor`s, row-major; products run in the packed micro-kernel.
struct xtensor_backend {
    using policy_axis = axis::backend;
    using product = packed_product;
    template <class T>
    using matrix_of = xt::xtensor<T, 2, xt::layout_type::row_major>;
    template <class T>
    using vector_of = xt::xtensor<T, 1, xt::layout_type::row_major>;
    using matrix = matrix_of<float>;
    using vector = vector_of<float>;

    /// A matrix of that shape; its elements are not initialised.
    template <class T = float>
    static matrix_of<T> make(std::size_t rows, std::size_t cols)
    {
        return matrix_of<T>(std::array<std::size_t, 2>{rows, cols});
    }

    /// Working memory of that many floats, not initialised; null where there is none.
    static std::unique_ptr<float[]> make_workspace(std::size_t size) noexcept
    {
        return std::unique_ptr<float[]>{new (std::nothrow) float[size]};
    }

    /// Of floats, f16 or bf16.
    template <class T>
    static matrix_view<T> view(matrix_of<T>& tensor) noexcept
    {
        return {tensor.data(), tensor.shape()[0], tensor.shape()[1]};
    }
    template <class T>
    static matrix_view<const T> view(const matrix_of<T>& tensor) noexcept
    {
        return {tensor.data(), tensor.shape()[0], tensor.shape()[1]};
    }
    template <class T>
    static matrix_view<T> view(vector_of<T>& tensor) noexcept
    {
        return {tensor.data(), 1, tensor.shape()[0]};
    }
    template <class T>
    static matrix_view<const T> view(const vector_of<T>& tensor) noexcept
    {
        return {tensor.data(), 1, tensor.shape()[0]};
    }
    /// Views and spans of memory that somebody else owns are welcome too.
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

    /// An xtensor expression over a contiguous view, for whole-array glue; it owns nothing.
    static auto adapt(matrix_view<float> contiguous)
    {
        return xt::adapt(contiguous.data(), contiguous.size(), xt::no_ownership(),
                         std::array<std::size_t, 2>{contiguous.rows(), contiguous.cols()});
    }
};

static_assert(tensor_backend<xtensor_backend>);

} // namespace awq

#endif
