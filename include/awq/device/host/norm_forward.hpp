// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_NORM_FORWARD_HPP
#define AWQ_DEVICE_HOST_NORM_FORWARD_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/norm_view.hpp>
#include <awq/execution/for_each_row.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace awq {

namespace detail {

/// Layer norm of one row (Ba et al. 2016). Sums in double, as those of the RMS norm.
inline void layer_norm(const norm_view& norm, std::span<const float> x, std::span<float> out) noexcept
{
    const auto size = static_cast<double>(x.size());
    double sum = 0.0, squares = 0.0;
    for (const float value : x) sum += value;
    const double mean = sum / size;
    for (const float value : x) squares += (value - mean) * (value - mean);
    const double inverse = 1.0 / std::sqrt(squares / size + double{norm.rule.eps});
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double gain = norm.weight.empty() ? 1.0 : double{norm.weight[i]} + norm.rule.offset;
        const double bias = norm.bias.empty() ? 0.0 : double{norm.bias[i]};
        out[i] = static_cast<float>((x[i] - mean) * inverse * gain + bias);
    }
}

/// A root-mean-square norm without a weight.
inline void plain_rms_norm(float eps, std::span<const float> x, std::span<float> out) noexcept
{
    const double mean = kernels::simd::sum_of_squares(x) / static_cast<double>(x.size());
    kernels::simd::scale(static_cast<float>(1.0 / std::sqrt(mean + double{eps})), x, out);
}

} // namespace detail

/// One row; the output may be the input.
inline void norm_row(const norm_view& norm, std::span<const float> x, std::span<float> out) noexcept
{
    if (norm.rule.kind == norm_kind::layer) return detail::layer_norm(norm, x, out);
    if (norm.weight.empty()) return detail::plain_rms_norm(norm.rule.eps, x, out);
    kernels::simd::rms_norm(x, norm.weight, norm.rule.eps, out, norm.rule.offset);
}

/// Every row: input and output (tokens, size). The output may be the input.
template <execution E>
void norm_forward(const E& e, const norm_view& norm, matrix_view<const float> input, matrix_view<float> output)
{
    for_each_row(e, input.rows(), [&](std::size_t t) { norm_row(norm, input.row(t), output.row(t)); });
}

} // namespace awq

#endif
