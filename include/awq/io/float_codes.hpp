// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_FLOAT_CODES_HPP
#define AWQ_IO_FLOAT_CODES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/quantization/scheme_fp4.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace awq {

/// A weight as FP8 E4M3: w = code * scale.
struct fp8_codes {
    std::size_t rows = 0, cols = 0;
    std::size_t block_rows = 1;      ///< rows that share a scale
    std::size_t block_cols = 0;      ///< columns that share a scale; 0: the whole row
    std::vector<std::uint8_t> codes; ///< (rows, cols)
    std::vector<float> scales;       ///< (scale_rows, scale_cols)

    std::size_t scale_rows() const noexcept { return (rows + block_rows - 1) / block_rows; }
    std::size_t scale_cols() const noexcept { return block_cols == 0 ? 1 : (cols + block_cols - 1) / block_cols; }
};

/// A weight as FP4 E2M1: w = code * scale, NVFP4 divided by `global_scale`.
struct fp4_codes {
    fp4_kind kind = fp4_kind::nvfp4;
    std::size_t rows = 0, cols = 0;
    std::vector<std::uint8_t> codes;  ///< (rows, cols), one a byte
    std::vector<std::uint8_t> scales; ///< (rows, groups): bits of E4M3, or exponents
    float global_scale = 1.0f;        ///< of NVFP4

    std::size_t groups() const noexcept { return cols / group_size_of(kind); }
};

/// shape_mismatch where an array has another length than the shape asks for.
inline status check(const fp8_codes& weight)
{
    if (weight.block_rows > 0 && weight.codes.size() == weight.rows * weight.cols &&
        weight.scales.size() == weight.scale_rows() * weight.scale_cols())
        return {};
    return error{error_code::shape_mismatch,
                 "a weight of shape [",
                 weight.rows,
                 ", ",
                 weight.cols,
                 "] does not have ",
                 weight.codes.size(),
                 " codes and ",
                 weight.scales.size(),
                 " scales"};
}

/// shape_mismatch also where groups do not cut the columns evenly.
inline status check(const fp4_codes& weight)
{
    AWQ_CHECK(check_groups(weight.kind, weight.cols));
    if (weight.codes.size() == weight.rows * weight.cols && weight.scales.size() == weight.rows * weight.groups())
        return {};
    return error{error_code::shape_mismatch,
                 "a weight of shape [",
                 weight.rows,
                 ", ",
                 weight.cols,
                 "] does not have ",
                 weight.codes.size(),
                 " codes and ",
                 weight.scales.size(),
                 " scales"};
}

} // namespace awq

#endif
