// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_PRODUCT_OPERAND_HPP
#define AWQ_EXECUTION_PRODUCTS_PRODUCT_OPERAND_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>

namespace awq::detail {

/// One operand of a product c(i, j) = sum over d of a(i, d) b(j, d): `outer` is i or j. Elements in 16
/// bits are widened as they are packed.
template <class T>
struct product_operand {
    const T* data;
    std::size_t outer_stride;
    std::size_t depth_stride; ///< 1 or outer_stride is 1

    const T* at(std::size_t outer, std::size_t depth) const noexcept
    {
        return data + outer * outer_stride + depth * depth_stride;
    }
};

} // namespace awq::detail

#endif
