// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_ELEMENT_HPP
#define AWQ_TENSOR_ELEMENT_HPP

#include <awq/support/float16.hpp>

#include <concepts>
#include <type_traits>

namespace awq {

/// The element types of tensors that stay in 16 bits in memory.
template <class T>
concept half_element = std::same_as<std::remove_cv_t<T>, f16> || std::same_as<std::remove_cv_t<T>, bf16>;

/// The element types of weights, norms and activations in memory.
template <class T>
concept tensor_element = half_element<T> || std::same_as < std::remove_cv_t<T>,
float > ;

namespace detail {

/// An element as arithmetic in double sees it, and back; through float, as where a tensor is widened by
/// hand.
template <tensor_element T>
constexpr double to_double(T element) noexcept
{
    return static_cast<double>(static_cast<float>(element));
}
template <tensor_element T>
constexpr T from_double(double value) noexcept
{
    return static_cast<T>(static_cast<float>(value));
}

} // namespace detail

} // namespace awq

#endif
