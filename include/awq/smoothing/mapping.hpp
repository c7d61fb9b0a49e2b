// SPDX-License-Identifier: MIT
#ifndef AWQ_SMOOTHING_MAPPING_HPP
#define AWQ_SMOOTHING_MAPPING_HPP

#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// The layer that is divided by the scales: what its outputs become smaller by, the balance layers'
/// columns make up for. `T`: float, f16 or bf16.
template <class T>
struct basic_smooth_target {
    /// A norm's weight as one row of `channels`, or a linear layer's (out_features, in_features).
    matrix_view<T> weight;
    /// (channels) of a norm, (out_features) of a linear layer; empty without a bias.
    std::span<T> bias = {};
    /// Whether `weight` is a norm's.
    bool norm = false;
    /// Of a norm: y = x (1 + weight), as in Gemma.
    bool offset = false;
    /// Of a linear layer: the output that each scale divides, where these are not the last ones.
    std::span<const std::uint32_t> rows = {};

    /// A norm, y = x * weight (+ bias).
    static constexpr basic_smooth_target of_norm(std::span<T> weight, std::span<T> bias = {},
                                                 bool offset = false) noexcept
    {
        return {as_row(weight), bias, true, offset, {}};
    }
    /// A linear layer. Where it has more outputs than there are scales (a fused qkv or gate_up),
    /// the last ones are those that the balance layers read.
    static constexpr basic_smooth_target of_linear(matrix_view<T> weight, std::span<T> bias = {}) noexcept
    {
        return {weight, bias, false, false, {}};
    }

    /// The output that scale `i` of `count` divides.
    constexpr std::size_t row_of(std::size_t i, std::size_t count) const noexcept
    {
        return rows.empty() ? channels() - count + i : rows[i];
    }

    /// How many scales it takes at most.
    constexpr std::size_t channels() const noexcept { return norm ? weight.cols() : weight.rows(); }
};
using smooth_target = basic_smooth_target<float>;

/// A smooth layer and the layers that read its output, over tensors in memory. The elements of either
/// are float, f16 or bf16: `basic_mapping<float, bf16>` has a norm in float before weights in bf16.
template <class Smooth, class Balance = Smooth>
struct basic_mapping {
    basic_smooth_target<Smooth> smooth;
    /// Each (out_features, in_features), all with the same in_features.
    std::span<const matrix_view<Balance>> balances;
    /// Where columns share a scale (grouped-query attention): the scale's index for each column of
    /// the balance layers. Empty: column j has scale j.
    std::span<const std::uint32_t> column_scales = {};

    constexpr std::size_t in_features() const noexcept { return balances.empty() ? 0 : balances.front().cols(); }
};
template <class S, class B, std::size_t Count>
basic_mapping(basic_smooth_target<S>, std::span<const matrix_view<B>, Count>) -> basic_mapping<S, B>;
/// One of float tensors.
struct mapping : basic_mapping<float> {};

} // namespace awq

#endif
