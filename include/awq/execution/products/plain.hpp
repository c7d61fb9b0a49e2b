// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_PLAIN_HPP
#define AWQ_EXECUTION_PRODUCTS_PLAIN_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

/// Matrix products as plain loops: no heap, nothing but the core. The reference that the other
/// providers are tested against, and what an embedded user links.
///
/// Sums run in float in the order of k, so the result has the same bits at any number of threads.
/// All operands may have a stride; the output must not overlap an input.
struct plain_product {
    /// c = a b^T: a (m, k), b (n, k), c (m, n). A linear layer's forward: b is its weight.
    template <execution E>
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        e.for_each(c.rows(), [=](std::size_t i) {
            for (std::size_t j = 0; j < c.cols(); ++j) c(i, j) = dot(a, i, b, j);
        });
    }

    /// c = a b: a (m, k), b (k, n), c (m, n).
    template <execution E>
    static void multiply_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        e.for_each(c.rows(), [=](std::size_t i) {
            std::ranges::fill(c.row(i), 0.0f);
            for (std::size_t k = 0; k < a.cols(); ++k) add_scaled(a(i, k), b, k, c, i);
        });
    }

    /// g += x^T x: x (tokens, k), g (k, k), symmetric before and after.
    template <execution E>
    static void add_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
    {
        add_cross_gram(e, x, x, g);
    }
    /// The same for inputs in 16 bits, which are widened as they are read.
    template <execution E, half_element T>
    static void add_gram(const E& e, matrix_view<const T> x, matrix_view<float> g)
    {
        e.for_each(g.rows(), [=](std::size_t i) {
            for (std::size_t t = 0; t < x.rows(); ++t) {
                const auto factor = static_cast<float>(x(t, i));
                for (std::size_t j = 0; j < g.cols(); ++j) g(i, j) += factor * static_cast<float>(x(t, j));
            }
        });
    }

    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    template <execution E>
    static void add_cross_gram(const E& e, matrix_view<const float> x, matrix_view<const float> y, matrix_view<float> g)
    {
        e.for_each(g.rows(), [=](std::size_t i) {
            for (std::size_t t = 0; t < x.rows(); ++t) add_scaled(x(t, i), y, t, g, i);
        });
    }

private:
    static float dot(matrix_view<const float> a, std::size_t i, matrix_view<const float> b, std::size_t j) noexcept
    {
        float sum = 0.0f;
        for (std::size_t k = 0; k < a.cols(); ++k) sum += a(i, k) * b(j, k);
        return sum;
    }

    static void add_scaled(float factor, matrix_view<const float> b, std::size_t row, matrix_view<float> c,
                           std::size_t out) noexcept
    {
        for (std::size_t j = 0; j < c.cols(); ++j) c(out, j) += factor * b(row, j);
    }
};

} // namespace awq

#endif
