// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_INTEGER_CODES_HPP
#define AWQ_IO_INTEGER_CODES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/qparams.hpp>
#include <awq/quantization/scheme.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/dtype.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace awq {

/// A weight as integers: w = (code - zero_point) * scale, codes signed.
struct integer_codes {
    scheme format;
    std::size_t rows = 0, cols = 0;
    std::size_t group_size = 0;           ///< columns that share a scale; 0: the whole row
    std::vector<std::int8_t> codes;       ///< (rows, cols)
    std::vector<float> scales;            ///< (rows, groups), as the output stores them
    std::vector<std::int8_t> zero_points; ///< (rows, groups); empty for a symmetric scheme

    std::size_t groups() const noexcept { return group_size == 0 ? 1 : cols / group_size; }
    /// Columns that share a scale, also where that is the whole row.
    std::size_t group_columns() const noexcept { return group_size == 0 ? cols : group_size; }
};

/// invalid_argument for a bad bit count; shape_mismatch where groups do not cut the columns evenly
/// or an array has another length than the shape asks for.
inline status check(const integer_codes& weight)
{
    if (weight.format.bits < 2 || weight.format.bits > 8)
        return error{error_code::invalid_argument, "codes of ", weight.format.bits, " bits: there are 2 to 8"};
    if (weight.cols == 0 || weight.rows == 0 || (weight.group_size != 0 && weight.cols % weight.group_size != 0))
        return error{error_code::shape_mismatch,
                     "group size ",
                     weight.group_size,
                     " does not divide a weight of shape [",
                     weight.rows,
                     ", ",
                     weight.cols,
                     "]"};
    const std::size_t shared = weight.rows * weight.groups();
    const std::size_t zeros = weight.format.symmetric ? 0 : shared;
    if (weight.codes.size() != weight.rows * weight.cols || weight.scales.size() != shared ||
        weight.zero_points.size() != zeros)
        return error{error_code::shape_mismatch,
                     "a weight of shape [",
                     weight.rows,
                     ", ",
                     weight.cols,
                     "] in ",
                     weight.groups(),
                     " groups does not have ",
                     weight.codes.size(),
                     " codes, ",
                     weight.scales.size(),
                     " scales and ",
                     weight.zero_points.size(),
                     " zero points"};
    return {};
}

/// The weights that the codes stand for, (rows, cols). The product is rounded to `scale_type`, as
/// compressed-tensors, AutoAWQ and GPTQ compute it in the type of their scales.
inline void dequantize(const integer_codes& weight, dtype scale_type, matrix_view<float> out)
{
    const std::size_t width = weight.group_columns(), groups = weight.groups();
    with_storage(scale_type, [&](auto rounding) {
        for (std::size_t r = 0; r < weight.rows; ++r) {
            for (std::size_t g = 0; g < groups; ++g) {
                const std::size_t at = r * groups + g;
                const float zero = weight.zero_points.empty() ? 0.0f : weight.zero_points[at];
                const qparams shared{weight.scales[at], zero};
                const std::int8_t* const codes = weight.codes.data() + r * weight.cols + g * width;
                float* const values = &out(r, g * width);
                for (std::size_t i = 0; i < width; ++i)
                    values[i] = value_of(static_cast<float>(codes[i]), shared, rounding);
            }
        }
    });
}

} // namespace awq

#endif
