// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_ROW_STEPS_HPP
#define AWQ_DEVICE_HOST_ROW_STEPS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/column_copy.hpp>
#include <awq/device/forward/router_rule.hpp>
#include <awq/execution/for_each_row.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

// What a forward pass does to rows between its products; see `device`.
namespace awq {

template <execution E>
void copy_columns(const E& e, const column_copy& what, matrix_view<const float> from, matrix_view<float> to)
{
    for_each_row(e, from.rows(), [&](std::size_t t) {
        for (std::size_t i = 0; i < what.count; ++i)
            std::ranges::copy(from.row(t).subspan(i * what.from_step, what.width),
                              to.row(t).subspan(i * what.to_step).begin());
    });
}

template <execution E>
void add_rows(const E& e, float factor, matrix_view<const float> x, matrix_view<float> y)
{
    for_each_row(e, y.rows(), [&](std::size_t t) {
        if (factor == 1.0f)
            kernels::simd::add(x.row(t), y.row(t));
        else
            kernels::simd::add_scaled(factor, x.row(t), y.row(t));
    });
}

template <execution E>
void scale_rows(const E& e, std::span<const float> factors, matrix_view<float> x)
{
    for_each_row(e, x.rows(), [&](std::size_t t) { kernels::simd::scale(factors[t], x.row(t), x.row(t)); });
}

template <execution E>
void clamp_rows(const E& e, float limit, matrix_view<float> x)
{
    for_each_row(e, x.rows(), [&](std::size_t t) {
        for (float& value : x.row(t)) value = std::clamp(value, -limit, limit);
    });
}

template <execution E>
void gate_rows(const E& e, matrix_view<const float> shares, matrix_view<float> x)
{
    for_each_row(e, x.rows(), [&](std::size_t t) {
        if (shares.cols() == 1)
            return kernels::simd::scale(1.0f / (1.0f + std::exp(-shares(t, 0))), x.row(t), x.row(t));
        for (std::size_t i = 0; i < x.cols(); ++i) x(t, i) /= 1.0f + std::exp(-shares(t, i));
    });
}

template <execution E>
void gather_rows(const E& e, std::span<const routed_token> tokens, bool weighs, matrix_view<const float> from,
                 matrix_view<float> to)
{
    for_each_row(e, tokens.size(), [&](std::size_t i) {
        kernels::simd::scale(weighs ? tokens[i].weight : 1.0f, from.row(tokens[i].token), to.row(i));
    });
}

template <execution E>
void scatter_rows(const E& e, std::span<const routed_token> tokens, bool weighs, matrix_view<const float> from,
                  matrix_view<float> to)
{
    for_each_row(e, tokens.size(), [&](std::size_t i) {
        kernels::simd::add_scaled(weighs ? tokens[i].weight : 1.0f, from.row(i), to.row(tokens[i].token));
    });
}

template <execution E>
void cap_rows(const E& e, float factor, float cap, matrix_view<float> x)
{
    for_each_row(e, x.rows(), [&](std::size_t t) {
        for (float& value : x.row(t)) {
            value *= factor;
            if (cap != 0.0f) value = cap * std::tanh(value / cap);
        }
    });
}

} // namespace awq

#endif
