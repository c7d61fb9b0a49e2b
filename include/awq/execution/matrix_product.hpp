// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_MATRIX_PRODUCT_HPP
#define AWQ_EXECUTION_MATRIX_PRODUCT_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

namespace awq {

/// Who multiplies matrices: a type with four static operations, which a backend names as its `product`.
/// An engine brings its own GEMM by writing one (`products/plain.hpp` is the reference, with plain loops).
///
/// - `multiply_nt(e, a, b, c)`: c = a b^T; a (m, k), b (n, k), c (m, n). A linear layer; b is its weight.
/// - `multiply_nn(e, a, b, c)`: c = a b; a (m, k), b (k, n), c (m, n).
/// - `add_gram(e, x, g)`: g += x^T x; x (tokens, k), g (k, k), symmetric before and after.
/// - `add_cross_gram(e, x, y, g)`: g += x^T y; x (tokens, m), y (tokens, n), g (m, n).
///
/// All operands may have a stride, and the output overlaps no input. The work goes through the execution
/// `e` (see `execution`), or is done in the calling thread. Where sums run in an order that does not depend
/// on the number of threads, results of a search have the same bits at any number of threads.
/// On any number of machines they have where a row of a product does not depend on the other rows; one for which that
/// holds from so many rows on only, says so by constants `min_packed_rows_nt` and `min_packed_rows_nn`.
/// An `add_gram` may also take x of f16 and bf16, as ours do (`gram_of_elements`); else it is widened before.
template <class P, class E>
concept matrix_product = execution<E> && requires(const E& e, matrix_view<const float> in, matrix_view<float> out)
{
    P::multiply_nt(e, in, in, out);
    P::multiply_nn(e, in, in, out);
    P::add_gram(e, in, out);
    P::add_cross_gram(e, in, in, out);
};

/// A product whose `add_gram` takes inputs of T.
template <class P, class E, class T>
concept gram_of_elements = requires(const E& e, matrix_view<const T> x, matrix_view<float> g)
{
    P::add_gram(e, x, g);
};

} // namespace awq

#endif
