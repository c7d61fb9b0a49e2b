// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_STORAGE_RANGE_HPP
#define AWQ_TENSOR_STORAGE_RANGE_HPP

#include <awq/tensor/dtype.hpp>

namespace awq {

/// The finite magnitudes that are stored as something else than zero.
struct storage_range {
    double smallest = 0x1p-149; ///< the least subnormal number
    double largest = 0x1.FFFFFEp127;
};

/// That of f16 and bf16; of any other type that of float.
constexpr storage_range range_of(dtype type) noexcept
{
    if (type == dtype::f16) return {0x1p-24, 65504.0};
    if (type == dtype::bf16) return {0x1p-133, 0x1.FEp127};
    return {};
}

} // namespace awq

#endif
