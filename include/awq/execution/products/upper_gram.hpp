// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_UPPER_GRAM_HPP
#define AWQ_EXECUTION_PRODUCTS_UPPER_GRAM_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

namespace awq {

/// g += x^T x for a sum of many batches: only the upper triangle of g holds it, until `mirror_upper` is called
/// once after the last. A product that has no such operation of its own fills all of g.
template <class Product, execution E>
void add_upper_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
{
    if constexpr (requires { Product::add_upper_gram(e, x, g); })
        Product::add_upper_gram(e, x, g);
    else
        Product::add_gram(e, x, g);
}

} // namespace awq

#endif
