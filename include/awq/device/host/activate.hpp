// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_ACTIVATE_HPP
#define AWQ_DEVICE_HOST_ACTIVATE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/activation.hpp>
#include <awq/execution/for_each_row.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

namespace awq {

namespace detail {

inline float activated(activation act, float x) noexcept
{
    if (act == activation::gelu) return 0.5f * x * (1.0f + std::erf(x * std::numbers::sqrt2_v<float> * 0.5f));
    const float positive = x > 0.0f ? x : 0.0f;
    return act == activation::relu_squared ? positive * positive : positive;
}

/// gpt-oss: (up + 1) gate sigmoid(1.702 gate), both clamped at 7 and up at -7, too.
inline void multiply_clamped(std::span<const float> up, std::span<float> gate) noexcept
{
    constexpr float limit = 7.0f, slope = 1.702f;
    for (std::size_t i = 0; i < gate.size(); ++i) {
        const float g = std::min(gate[i], limit), u = std::clamp(up[i], -limit, limit);
        gate[i] = (u + 1.0f) * g / (1.0f + std::exp(-slope * g));
    }
}

/// gate = act(gate) * up.
inline void multiply_row(activation act, std::span<const float> up, std::span<float> gate) noexcept
{
    if (act == activation::silu) return kernels::simd::silu_multiply(gate, up, gate);
    if (act == activation::gelu_tanh) return kernels::simd::gelu_tanh_multiply(gate, up, gate);
    if (act == activation::clamped_swiglu) return multiply_clamped(up, gate);
    for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = activated(act, gate[i]) * up[i];
}

} // namespace detail

/// gate = act(gate) * up, row by row.
template <execution E>
void multiply_activated(const E& e, activation act, matrix_view<const float> up, matrix_view<float> gate)
{
    for_each_row(e, gate.rows(), [&](std::size_t t) { detail::multiply_row(act, up.row(t), gate.row(t)); });
}

/// x = act(x), row by row.
template <execution E>
void activate(const E& e, activation act, matrix_view<float> x)
{
    const std::vector<float> ones(x.cols(), 1.0f);
    for_each_row(e, x.rows(), [&](std::size_t t) { detail::multiply_row(act, ones, x.row(t)); });
}

/// x = xIELU(x) (Huang & Schlag 2024), row by row, with the logarithmic parameters that a layer learns.
template <execution E>
void activate_xielu(const E& e, float alpha_p, float alpha_n, matrix_view<float> x)
{
    constexpr float beta = xielu_beta, eps = xielu_eps;
    const float rise = std::log1p(std::exp(alpha_p)), fall = beta + std::log1p(std::exp(alpha_n));
    for_each_row(e, x.rows(), [&](std::size_t t) {
        for (float& v : x.row(t)) v = beta * v + (v > 0.0f ? rise * v * v : fall * (std::expm1(std::min(v, eps)) - v));
    });
}

} // namespace awq

#endif
