// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_QUANTIZE_WEIGHT_HPP
#define AWQ_QUANTIZATION_QUANTIZE_WEIGHT_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/widen.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/tensor/element.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace awq {

/// A quantizer whose rows are codes, scales and zero points: `integer_quantizer`, `scheme_quantizer`.
template <class Q>
concept code_quantizer = quantizer<Q> &&
    requires(const Q& q, std::span<const float> row, std::span<std::int8_t> codes, std::span<float> scales)
{
    {
        q.groups(std::size_t{})
        } -> std::convertible_to<std::size_t>;
    {
        q.format.is_symmetric()
        } -> std::same_as<bool>;
    q.quantize_row(row, codes, scales, codes);
};

/// Where a quantized weight goes; all in the caller's memory.
struct quantized_weight {
    matrix_view<std::int8_t> codes;       ///< (out_features, in_features), signed
    matrix_view<float> scales;            ///< (out_features, groups); exact in the storage dtype
    matrix_view<std::int8_t> zero_points; ///< (out_features, groups), signed; empty when symmetric
};

namespace detail {

/// The first row with a NaN or an infinity, or `rows()`.
template <execution E, class T>
std::size_t first_bad_row(const E& how, matrix_view<const T> weight)
{
    constexpr std::size_t parts = 64;
    std::size_t found[parts];
    how.for_each(parts, [&](std::size_t part) {
        const std::size_t end = (part + 1) * weight.rows() / parts;
        found[part] = weight.rows();
        for (std::size_t r = part * weight.rows() / parts; r < end && found[part] > r; ++r) {
            float sum = 0.0f; // of zeros, unless a value is not finite
            for (const T value : weight.row(r)) sum += static_cast<float>(value) * 0.0f;
            if (sum != 0.0f) found[part] = r; // also where it is a NaN
        }
    });
    return *std::min_element(found, found + parts);
}

template <execution E, code_quantizer Q, class T>
status check_quantizable(const E& how, Q rounding, matrix_view<const T> weight, const quantized_weight& out)
{
    AWQ_CHECK(rounding.check(weight.cols()));
    const std::size_t rows = weight.rows(), groups = rounding.groups(weight.cols());
    const bool has_zeros = !out.zero_points.empty();
    const bool fits = out.codes.rows() == rows && out.codes.cols() == weight.cols() && out.scales.rows() == rows &&
                      out.scales.cols() == groups &&
                      (has_zeros ? out.zero_points.rows() == rows && out.zero_points.cols() == groups
                                 : rounding.format.is_symmetric());
    if (!fits)
        return error{error_code::shape_mismatch,
                     "quantize_weight: a weight of ",
                     rows,
                     " x ",
                     weight.cols(),
                     " needs codes of that shape and ",
                     groups,
                     " scales (and zero points, when asymmetric) a row"};
    if (out.codes.rows_overlap() || out.scales.rows_overlap() || out.zero_points.rows_overlap())
        return error{error_code::invalid_argument, "quantize_weight: an output's stride is below its width"};
    if (const std::size_t bad = first_bad_row(how, weight); bad < rows)
        return error{error_code::not_finite, "quantize_weight: row ", bad,
                     " has a NaN or an infinity; look at the checkpoint"};
    return {};
}

/// Rows of a weight to the rows of `out` from `first` on.
template <execution E, code_quantizer Q>
void quantize_rows(const E& how, Q rounding, matrix_view<const float> weight, const quantized_weight& out,
                   std::size_t first)
{
    constexpr std::size_t grain = 16;
    const bool has_zeros = !out.zero_points.empty();
    how.for_each(chunk_count(weight.rows(), grain), [&](std::size_t chunk) {
        const std::size_t end = std::min((chunk + 1) * grain, weight.rows());
        for (std::size_t r = chunk * grain, to = first + r; r < end; ++r, ++to)
            rounding.quantize_row(weight.row(r), out.codes.row(to), out.scales.row(to),
                                  has_zeros ? out.zero_points.row(to) : std::span<std::int8_t>{});
    });
}

} // namespace detail

/// Quantizes a weight, (out_features, in_features): codes, scales and zero points. Errors, before anything
/// is written: those of the quantizer's `check`, shape_mismatch, invalid_argument where rows of the output
/// overlap, and not_finite where the weight has a NaN or an infinity.
template <execution E, code_quantizer Q>
status quantize_weight(const E& how, Q rounding, matrix_view<const float> weight, const quantized_weight& out)
{
    AWQ_CHECK(detail::check_quantizable(how, rounding, weight, out));
    detail::quantize_rows(how, rounding, weight, out, 0);
    return {};
}

/// The same for a weight in 16 bits, widened by tiles in `scratch`: workspace_too_small where that has less
/// than in_features floats; a multiple of it keeps more threads busy.
template <execution E, code_quantizer Q, half_element T>
status quantize_weight(const E& how, Q rounding, matrix_view<const T> weight, const quantized_weight& out,
                       std::span<float> scratch)
{
    AWQ_CHECK(detail::check_quantizable(how, rounding, weight, out));
    if (scratch.size() < weight.cols())
        return error{error_code::workspace_too_small, "quantize_weight: a weight in 16 bits needs ", weight.cols(),
                     " floats to be widened in"};
    for_each_widened(how, weight, scratch, [&](std::size_t first, matrix_view<const float> tile) {
        detail::quantize_rows(how, rounding, tile, out, first);
    });
    return {};
}

/// The weight that codes stand for: (code - zero_point) * scale, exact in float.
template <execution E>
void dequantize_weight(const E& how, const quantized_weight& in, matrix_view<float> out)
{
    const std::size_t groups = in.scales.cols();
    how.for_each(out.rows(), [&](std::size_t r) {
        const std::size_t width = out.cols() / std::max<std::size_t>(groups, 1);
        for (std::size_t c = 0; c < out.cols(); ++c) {
            const std::size_t group = c / width;
            const int zero = in.zero_points.empty() ? 0 : in.zero_points(r, group);
            out(r, c) = static_cast<float>(in.codes(r, c) - zero) * in.scales(r, group);
        }
    });
}

} // namespace awq

#endif
