// SPDX-License-Identifier: MIT
#ifndef AWQ_POLICY_POLICY_SET_HPP
#define AWQ_POLICY_POLICY_SET_HPP

#include <awq/policy/axis.hpp>

#include <concepts>
#include <cstddef>

namespace awq {

namespace detail {

template <class Axis, class Default, class... Policies>
struct chosen {
    using type = Default;
};
template <class Axis, class Default, class First, class... Rest>
struct chosen<Axis, Default, First, Rest...> : chosen<Axis, Default, Rest...> {};
template <class Axis, class Default, class First, class... Rest>
requires policy_of<First, Axis>
struct chosen<Axis, Default, First, Rest...> {
    using type = First;
};

template <class Axis, class... Policies>
inline constexpr std::size_t answers = (std::size_t{0} + ... + (policy_of<Policies, Axis> ? 1 : 0));

template <class P>
inline constexpr bool has_known_axis = policy_of<P, axis::mode> || policy_of<P, axis::group> ||
                                       policy_of<P, axis::backend> || policy_of<P, axis::execution>;

} // namespace detail

/// Policies in any order, at most one for each axis. Every rule that they can break is one
/// sentence.
template <class... Policies>
struct policy_set {
    static_assert((policy<Policies> && ...),
                  "awq::modifier: every argument must be a policy, a type with a policy_axis");
    static_assert(((!policy<Policies> || detail::has_known_axis<Policies>)&&...),
                  "awq::modifier: a policy_axis must be mode, group, backend or execution");
    static_assert(detail::answers<axis::mode, Policies...> <= 1,
                  "awq::modifier: choose one mode, smoothing_only or smooth_and_quantize");
    static_assert(detail::answers<axis::group, Policies...> <= 1, "awq::modifier: choose one group_size");
    static_assert(detail::answers<axis::backend, Policies...> <= 1, "awq::modifier: choose one backend");
    static_assert(detail::answers<axis::execution, Policies...> <= 1, "awq::modifier: choose one execution");

    /// The policy that answers an axis, or the default.
    template <class Axis, class Default>
    using get = typename detail::chosen<Axis, Default, Policies...>::type;
};

} // namespace awq

#endif
