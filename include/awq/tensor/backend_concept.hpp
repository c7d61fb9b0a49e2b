// SPDX-License-Identifier: MIT
#ifndef AWQ_TENSOR_BACKEND_CONCEPT_HPP
#define AWQ_TENSOR_BACKEND_CONCEPT_HPP

#include <awq/tensor/matrix_view.hpp>

#include <concepts>

namespace awq {

namespace axis {
struct backend; // defined by name only; the other axes are in policy/axis.hpp
} // namespace axis

// The matrix products that come with the library; each is defined in execution/products/<name>.hpp.
struct plain_product;    ///< one loop, core, the reference
struct packed_product;   ///< packed xsimd micro-kernel (H), the default
struct openblas_product; ///< OpenBLAS (H, opt-in)

/// Who owns tensors, and who multiplies them.
///
/// - `B::product`: one of the matrix products above, or one's own (see `matrix_product`).
/// - `B::view(tensor)`: a `matrix_view`, of float, f16 or bf16, of each tensor type that the backend accepts.
/// - `B::vector` or `B::vector_of<T>`, if it has one: its vectors, which as smooth layers are norms; a
///   `std::span` always is one.
/// - `B::make_workspace(floats)`, if it allocates: what owns that many floats, null where there are none.
template <class B>
concept tensor_backend = requires
{
    typename B::product;
    requires std::same_as<typename B::policy_axis, axis::backend>;
    {
        B::view(matrix_view<float>{})
        } -> std::same_as<matrix_view<float>>;
};

} // namespace awq

#endif
