// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_BACKEND_VIEW_HPP
#define AWQ_TENSOR_BACKEND_VIEW_HPP

#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

// What a modifier asks a backend about a tensor that it was given.

namespace awq::detail {

/// Whether a backend has a view of a tensor, and whether that can be written.
template <class B, class Tensor>
concept viewed_by = requires(Tensor& tensor) { B::view(tensor).rows(); };
template <class B, class Tensor>
concept written_by = requires(Tensor& tensor) { matrix_view<float>{B::view(tensor)}; };

/// A view of a smooth or balance layer; the one place where a tensor that does not fit is named.
template <class B, class Tensor>
constexpr matrix_view<float> written_view([[maybe_unused]] Tensor& tensor)
{
    static_assert(viewed_by<B, Tensor>,
                  "awq::modifier: the backend has no view of this tensor; give a std::vector as a std::span, "
                  "and a matrix as an awq::matrix_view");
    static_assert(!viewed_by<B, Tensor> || written_by<B, Tensor>,
                  "awq::modifier: smooth and balance layers are written and must not be const");
    if constexpr (written_by<B, Tensor>)
        return B::view(tensor);
    else
        return {};
}

/// Whether a backend's tensor is a vector, and so a norm's weight. One row of a matrix is none.
template <class B, class Tensor>
inline constexpr bool vector_of = false;
template <class B, class T, std::size_t Extent>
inline constexpr bool vector_of<B, std::span<T, Extent>> = true;
template <class B, class Tensor>
requires std::same_as<std::remove_cvref_t<Tensor>, typename B::vector>
inline constexpr bool vector_of<B, Tensor> = true;
template <class B, class Tensor>
requires std::is_reference_v<Tensor>
inline constexpr bool vector_of<B, Tensor> =
    vector_of<B, std::remove_cvref_t<Tensor>>;

template <class B>
concept allocating_backend = requires
{
    B::make_workspace(std::size_t{}).get();
};

} // namespace awq::detail

#endif
