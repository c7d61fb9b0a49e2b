// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_SCHEME_FP4_HPP
#define AWQ_QUANTIZATION_SCHEME_FP4_HPP

#include <awq/support/result.hpp>

#include <cstddef>

namespace awq {

/// What scales FP4 numbers.
enum class fp4_kind : unsigned char {
    nvfp4, ///< an FP8 E4M3 number for each 16 columns, times one float for the whole weight
    mxfp4, ///< a power of two for each 32 columns
};

/// The scheme's name, as recipes and flags spell it.
constexpr const char* name_of(fp4_kind kind) noexcept { return kind == fp4_kind::nvfp4 ? "NVFP4" : "MXFP4"; }

/// Columns that share a scale.
constexpr std::size_t group_size_of(fp4_kind kind) noexcept { return kind == fp4_kind::nvfp4 ? 16 : 32; }

/// shape_mismatch where groups do not cut a row evenly.
inline status check_groups(fp4_kind kind, std::size_t in_features) noexcept
{
    if (in_features > 0 && in_features % group_size_of(kind) == 0) return {};
    return error{error_code::shape_mismatch,
                 name_of(kind),
                 " takes groups of ",
                 group_size_of(kind),
                 " inputs, which do not divide in_features ",
                 in_features,
                 ": choose another scheme or ignore the layer"};
}

} // namespace awq

#endif
