// SPDX-License-Identifier: MIT
#ifndef AWQ_SMOOTHING_APPLY_SCALES_HPP
#define AWQ_SMOOTHING_APPLY_SCALES_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/smoothing/check_mapping.hpp>
#include <awq/smoothing/mapping.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/element.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

namespace detail {

template <execution E, class T>
void multiply_columns(const E& how, std::span<const std::uint32_t> column_scales, matrix_view<T> weight,
                      std::span<const double> scales)
{
    how.for_each(weight.rows(), [&](std::size_t r) {
        T* const row = weight.row(r).data();
        if (column_scales.empty())
            for (std::size_t c = 0; c < weight.cols(); ++c) row[c] = from_double<T>(to_double(row[c]) * scales[c]);
        else
            for (std::size_t c = 0; c < weight.cols(); ++c)
                row[c] = from_double<T>(to_double(row[c]) * scales[column_scales[c]]);
    });
}

template <class T>
void divide_norm(const basic_smooth_target<T>& smooth, std::span<const double> scales) noexcept
{
    const std::span<T> weight = smooth.weight.row(0);
    const double offset = smooth.offset ? 1.0 : 0.0;
    for (std::size_t i = 0; i < scales.size(); ++i)
        weight[i] = from_double<T>((to_double(weight[i]) + offset) / scales[i] - offset);
}

template <execution E, class T>
void divide_rows(const E& how, const basic_smooth_target<T>& smooth, std::span<const double> scales)
{
    how.for_each(scales.size(), [&](std::size_t i) {
        for (T& element : smooth.weight.row(smooth.row_of(i, scales.size())))
            element = from_double<T>(to_double(element) / scales[i]);
    });
}

} // namespace detail

/// Divides the smooth layer's outputs by the scales and multiplies the balance layers' columns by
/// them, in place: together the layers compute what they did before. Of a linear smooth layer with
/// more outputs than scales (a fused qkv or gate_up) only the last rows, or those that the target names,
/// and the matching slice of the bias, change. Computed in double and rounded to float once, and from there
/// to the tensors' own type; which scales that can hold, `scale_limits` knows. Errors (then nothing is
/// changed): those of `check_mapping`; invalid_argument where a scale is not a positive number.
template <execution E, class S = float, class B = S>
status apply_scales(const E& how, const basic_mapping<S, B>& pair, std::span<const double> scales)
{
    AWQ_CHECK(check_mapping(pair));
    if (scales.size() != scale_count(pair))
        return error{error_code::shape_mismatch, "apply_scales: ", scales.size(), " scales for ",
                     scale_count(pair),          " channels"};
    for (const double scale : scales)
        if (!std::isfinite(scale) || !(scale > 0.0))
            return error{error_code::invalid_argument, "apply_scales: a scale is not positive"};
    for (const auto& balance : pair.balances) detail::multiply_columns(how, pair.column_scales, balance, scales);
    const basic_smooth_target<S>& smooth = pair.smooth;
    if (smooth.norm)
        detail::divide_norm(smooth, scales);
    else
        detail::divide_rows(how, smooth, scales);
    if (!smooth.bias.empty())
        for (std::size_t i = 0; i < scales.size(); ++i) {
            S& bias = smooth.bias[smooth.row_of(i, scales.size())];
            bias = detail::from_double<S>(detail::to_double(bias) / scales[i]);
        }
    return {};
}

} // namespace awq

#endif
