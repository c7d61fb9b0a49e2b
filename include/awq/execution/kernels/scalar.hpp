// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_KERNELS_SCALAR_HPP
#define AWQ_EXECUTION_KERNELS_SCALAR_HPP

#include <awq/execution/kernels/exponential.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

/// The reference kernels: plain loops over caller-owned memory. `kernels/xsimd.hpp` has the same
/// names and signatures, and says where its results may differ in the last bits.
/// Spans of one call have the same length; an output may be the same memory as an input.
namespace awq::kernels::scalar {

/// sums[c] += |x(t, c)| over all rows t, in float64 and in the order of the rows.
inline void add_abs(matrix_view<const float> x, std::span<double> sums) noexcept
{
    for (std::size_t t = 0; t < x.rows(); ++t)
        for (std::size_t c = 0; c < x.cols(); ++c) sums[c] += std::fabs(x(t, c));
}

/// sums[c] += x(t, c)^2 over all rows t, in float64 and in the order of the rows.
inline void add_squares(matrix_view<const float> x, std::span<double> sums) noexcept
{
    for (std::size_t t = 0; t < x.rows(); ++t)
        for (std::size_t c = 0; c < x.cols(); ++c) sums[c] += double{x(t, c)} * x(t, c);
}

/// What `min_max` finds.
struct min_max_pair {
    float min;
    float max;
};

/// The smallest and the largest of `values`, at least one; NaN is not allowed.
inline min_max_pair min_max(std::span<const float> values) noexcept
{
    min_max_pair found{values[0], values[0]};
    for (const float value : values) {
        found.min = std::min(found.min, value);
        found.max = std::max(found.max, value);
    }
    return found;
}

/// Sum of a[i] b[i].
inline float dot(std::span<const float> a, std::span<const float> b) noexcept
{
    float sum = 0.0f;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

/// Sum of squares, in float64.
inline double sum_of_squares(std::span<const float> values) noexcept
{
    double sum = 0.0;
    for (const float value : values) sum += double{value} * value;
    return sum;
}

/// y += factor * x.
inline void add_scaled(float factor, std::span<const float> x, std::span<float> y) noexcept
{
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += factor * x[i];
}

/// y += x.
inline void add(std::span<const float> x, std::span<float> y) noexcept
{
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += x[i];
}

/// out = a * b, element by element: a row's columns times their scales.
inline void multiply(std::span<const float> a, std::span<const float> b, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] * b[i];
}

/// out = a / b, element by element.
inline void divide(std::span<const float> a, std::span<const float> b, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] / b[i];
}

/// out = factor * x.
inline void scale(float factor, std::span<const float> x, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = factor * x[i];
}

/// Root-mean-square norm of one row (Zhang and Sennrich 2019):
/// out = x / rms(x) * (weight + offset).
inline void rms_norm(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> out,
                     float offset = 0.0f) noexcept
{
    const double mean = sum_of_squares(x) / static_cast<double>(x.size());
    const auto inverse = static_cast<float>(1.0 / std::sqrt(mean + double{eps}));
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * inverse * (weight[i] + offset);
}

/// out = silu(gate) * up, silu(x) = x / (1 + exp(-x)).
inline void silu_multiply(std::span<const float> gate, std::span<const float> up, std::span<float> out) noexcept
{
    for (std::size_t i = 0; i < gate.size(); ++i) out[i] = gate[i] / (1.0f + exponential(-gate[i])) * up[i];
}

/// out = gelu(gate) * up with the tanh approximation of Hendrycks and Gimpel 2016:
/// gelu(x) = x / 2 (1 + tanh(u)) = x / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3).
inline void gelu_tanh_multiply(std::span<const float> gate, std::span<const float> up, std::span<float> out) noexcept
{
    constexpr float twice = 1.5957691216057308f; // 2 sqrt(2 / pi)
    for (std::size_t i = 0; i < gate.size(); ++i) {
        const float x = gate[i];
        out[i] = x / (1.0f + exponential(-twice * (x + 0.044715f * x * x * x))) * up[i];
    }
}

/// values = exp(factor * values - shift), in place; their sum.
inline float exponentials(float factor, float shift, std::span<float> values) noexcept
{
    float sum = 0.0f;
    for (float& value : values) sum += value = exponential(factor * value - shift);
    return sum;
}

/// values = softmax(factor * values), in place; at least one value.
inline void softmax(float factor, std::span<float> values) noexcept
{
    const float shift = factor * (factor < 0.0f ? min_max(values).min : min_max(values).max);
    const float sum = exponentials(factor, shift, values);
    scale(1.0f / sum, values, values);
}

/// Turns the pairs (first[i], second[i]) by the angles whose cosines and sines are given.
inline void rotate(std::span<const float> cosines, std::span<const float> sines, std::span<float> first,
                   std::span<float> second) noexcept
{
    for (std::size_t i = 0; i < first.size(); ++i) {
        const float a = first[i];
        const float b = second[i];
        first[i] = a * cosines[i] - b * sines[i];
        second[i] = b * cosines[i] + a * sines[i];
    }
}

} // namespace awq::kernels::scalar

#endif
