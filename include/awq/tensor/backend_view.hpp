// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_BACKEND_VIEW_HPP
#define AWQ_TENSOR_BACKEND_VIEW_HPP

#include <awq/support/result.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/matrix_view.hpp>
#include <awq/tensor/workspace.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

// What a modifier asks a backend about a tensor that it was given.

namespace awq::detail {

/// Whether a backend has a view of a tensor, and whether that can be written.
template <class B, class Tensor>
concept viewed_by = requires(Tensor& tensor)
{
    B::view(tensor).rows();
};
template <class View>
inline constexpr bool is_written = false;
template <class T>
inline constexpr bool is_written<matrix_view<T>> = !std::is_const_v<T>;
template <class B, class Tensor>
concept written_by = viewed_by<B, Tensor> && is_written<decltype(B::view(std::declval<Tensor&>()))>;

template <class B, class Tensor>
struct element_of_view {
    using type = float;
};
template <class B, class Tensor>
requires viewed_by<B, Tensor>
struct element_of_view<B, Tensor> {
    using type = typename decltype(B::view(std::declval<Tensor&>()))::value_type;
    static_assert(tensor_element<type>, "awq::modifier: a tensor's elements are float, awq::f16 or awq::bf16");
};

/// The element type of a tensor that a backend can view; float of any other.
template <class B, class Tensor>
using element_of = typename element_of_view<B, std::remove_reference_t<Tensor>>::type;

/// A view of a tensor that is only read; the one place where a tensor that does not fit is named.
template <class B, class Tensor>
constexpr matrix_view<const element_of<B, Tensor>> read_view([[maybe_unused]] Tensor& tensor)
{
    static_assert(viewed_by<B, Tensor>,
                  "awq::modifier: the backend has no view of this tensor; give a std::vector as a std::span, "
                  "and a matrix as an awq::matrix_view");
    if constexpr (viewed_by<B, Tensor>)
        return B::view(tensor);
    else
        return {};
}

/// A view of a smooth or balance layer.
template <class B, class Tensor>
constexpr matrix_view<element_of<B, Tensor>> written_view([[maybe_unused]] Tensor& tensor)
{
    static_assert(!viewed_by<B, Tensor> || written_by<B, Tensor>,
                  "awq::modifier: smooth and balance layers are written and must not be const");
    if constexpr (written_by<B, Tensor>)
        return B::view(tensor);
    else
        return read_view<B>(tensor), matrix_view<element_of<B, Tensor>>{};
}

/// Whether a backend's tensor is a vector, and so a norm's weight. One row of a matrix is none.
template <class Tensor>
inline constexpr bool is_span = false;
template <class T, std::size_t Extent>
inline constexpr bool is_span<std::span<T, Extent>> = true;
template <class B, class Tensor>
inline constexpr bool is_own_vector = false;
template <class B, class Tensor>
requires(std::same_as<Tensor, typename B::vector> ||
         std::same_as<Tensor, typename B::template vector_of<
                                  typename Tensor::value_type>>) inline constexpr bool is_own_vector<B, Tensor> = true;
template <class B, class Tensor>
inline constexpr bool is_vector = is_span<std::remove_cvref_t<Tensor>> || is_own_vector<B, std::remove_cvref_t<Tensor>>;

template <class B>
concept allocating_backend = requires
{
    B::make_workspace(std::size_t{}).get();
};

/// Calls `use` with working memory that the backend allocates; nothing of it outlives the call.
template <class B, class Use>
auto with_own_memory(std::size_t size, const Use& use) -> decltype(use(workspace{}))
{
    static_assert(allocating_backend<B>,
                  "awq::modifier: this backend allocates nothing; give smooth a workspace of as many floats as "
                  "workspace_size says, and quantize, for weights in 16 bits, one of in_features floats or more");
    if constexpr (allocating_backend<B>) {
        const auto memory = B::make_workspace(size);
        if (memory) return use(workspace{std::span<float>{memory.get(), size}});
    }
    return error{error_code::out_of_memory, "working memory of ", size, " floats"};
}

} // namespace awq::detail

#endif
