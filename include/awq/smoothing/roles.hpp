// SPDX-License-Identifier: MIT
#ifndef AWQ_SMOOTHING_ROLES_HPP
#define AWQ_SMOOTHING_ROLES_HPP

#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

namespace awq {

// Tensors of one type with different roles come in role types: swapping them silently would ruin a
// model. Each holds a reference to a tensor of the backend, or a view by value.

struct no_bias {};

/// The layer whose outputs are divided by the scales: a linear layer's weight, a matrix (out_features,
/// in_features), or a norm's weight, a vector (a `std::span`, or the backend's own vector). `offset`: a
/// norm that multiplies by 1 + weight. `bias`: a span, or what gives one, of elements of the weight's type.
template <class Tensor, class Bias = no_bias>
struct smooth_layer {
    Tensor tensor;
    Bias bias = {}; ///< (out_features), or (channels) of a norm; empty without a bias
    bool offset = false;
};
template <class T>
smooth_layer(T&&) -> smooth_layer<T>;
template <class T>
smooth_layer(T&&, no_bias) -> smooth_layer<T>;
template <class T>
smooth_layer(T&&, no_bias, bool) -> smooth_layer<T>;
template <class T, class Bias>
smooth_layer(T&&, Bias&&) -> smooth_layer<T, decltype(std::span{std::declval<Bias&>()})>;
template <class T, class Bias>
smooth_layer(T&&, Bias&&, bool) -> smooth_layer<T, decltype(std::span{std::declval<Bias&>()})>;

/// The layers that read the smooth layer's output, each (out_features, in_features).
template <class... Tensors>
struct balance_layers {
    std::tuple<Tensors...> tensors;

    template <class... Ts>
    requires(sizeof...(Ts) == sizeof...(Tensors) && sizeof...(Ts) > 0) constexpr explicit balance_layers(Ts&&... layers)
        : tensors(std::forward<Ts>(layers)...)
    {}
    static constexpr std::size_t count = sizeof...(Tensors);
};
template <class... Ts>
balance_layers(Ts&&...) -> balance_layers<Ts...>;

/// What the balance layers read during calibration, (tokens, in_features), before smoothing.
template <class Tensor>
struct activations {
    Tensor tensor;
};
template <class T>
activations(T&&) -> activations<T>;

} // namespace awq

#endif
