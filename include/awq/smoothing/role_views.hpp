// SPDX-License-Identifier: MIT
#ifndef AWQ_SMOOTHING_ROLE_VIEWS_HPP
#define AWQ_SMOOTHING_ROLE_VIEWS_HPP

#include <awq/smoothing/mapping.hpp>
#include <awq/smoothing/roles.hpp>
#include <awq/tensor/backend_view.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <tuple>

// From tensors of a backend in their roles to a mapping of views.

namespace awq::detail {

template <class B, class First, class... Rest>
std::array<matrix_view<element_of<B, First>>, 1 + sizeof...(Rest)>
balance_views(const balance_layers<First, Rest...>& role)
{
    constexpr bool same = (std::same_as<element_of<B, First>, element_of<B, Rest>> && ...);
    static_assert(same, "awq::modifier: the balance layers of one mapping have elements of one type");
    if constexpr (same)
        return std::apply([](auto&... tensors) { return std::array{written_view<B>(tensors)...}; }, role.tensors);
    else
        return {};
}

template <class B, class Tensor, class Bias>
basic_smooth_target<element_of<B, Tensor>> target_of(const smooth_layer<Tensor, Bias>& role)
{
    using element = element_of<B, Tensor>;
    const matrix_view<element> weight = written_view<B>(role.tensor);
    if constexpr (std::same_as<Bias, no_bias>) {
        return {weight, {}, is_vector<B, Tensor>, role.offset, {}};
    } else {
        constexpr bool fits = std::same_as<element, typename Bias::element_type>;
        static_assert(fits, "awq::modifier: a bias has elements of its weight's type, and is not const");
        if constexpr (fits)
            return {weight, role.bias, is_vector<B, Tensor>, role.offset, {}};
        else
            return {};
    }
}

} // namespace awq::detail

#endif
