// SPDX-License-Identifier: MIT
#ifndef AWQ_POLICY_AXIS_HPP
#define AWQ_POLICY_AXIS_HPP

#include <concepts>

namespace awq {

/// The four questions that a modifier's policies answer, each once.
namespace axis {
struct mode;      ///< what is done after the search
struct group;     ///< elements of a row that share a scale
struct backend;   ///< who owns tensors and supplies matrix products
struct execution; ///< who does the work
} // namespace axis

/// A policy is a small type that names the axis it answers: `using policy_axis = awq::axis::mode;`
template <class T>
concept policy = requires
{
    typename T::policy_axis;
};

template <class T, class Axis>
concept policy_of = policy<T> && std::same_as<typename T::policy_axis, Axis>;

} // namespace awq

#endif
