// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_BACKEND_CONCEPT_HPP
#define AWQ_TENSOR_BACKEND_CONCEPT_HPP

#include <awq/policy/axis.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <concepts>

namespace awq {

// The matrix-product providers; each is defined in execution/products/<name>.hpp.
struct plain_product;    ///< one loop, core, the reference
struct packed_product;   ///< packed xsimd micro-kernel (H), the default
struct openblas_product; ///< OpenBLAS (H, opt-in)
struct onednn_product;   ///< oneDNN in bf16 (H, opt-in)

/// Who owns tensors, and who multiplies them.
///
/// - `B::product`: one of the matrix-product providers above.
/// - `B::view(tensor)`: a `matrix_view` of each tensor type that the backend accepts.
template <class B>
concept tensor_backend = policy_of<B, axis::backend> && requires {
    typename B::product;
    { B::view(matrix_view<float>{}) } -> std::same_as<matrix_view<float>>;
};

} // namespace awq

#endif
