// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_CHOLESKY_HPP
#define AWQ_QUANTIZATION_CHOLESKY_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace awq {

/// Columns that are factored together; the rest of the work is matrix products.
inline constexpr std::size_t cholesky_panel = 96;

namespace detail {

/// a -= b, element by element; of a `triangle` only what is not above the diagonal.
template <execution E>
void subtract(const E& e, matrix_view<float> a, matrix_view<const float> b, bool triangle = false)
{
    e.for_each(a.rows(), [=](std::size_t row) {
        float* const to = a.row(row).data();
        const float* const from = b.row(row).data();
        const std::size_t count = triangle ? std::min(row + 1, a.cols()) : a.cols();
        for (std::size_t i = 0; i < count; ++i) to[i] -= from[i];
    });
}

inline double dot(const float* a, const float* b, std::size_t count) noexcept
{
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
}

/// Factors a small diagonal block in place; false where it is not positive definite.
inline bool factor_diagonal_block(matrix_view<float> a) noexcept
{
    for (std::size_t j = 0; j < a.rows(); ++j) {
        const double pivot = a(j, j) - dot(a.row(j).data(), a.row(j).data(), j);
        if (!(pivot > 0)) return false;
        const double root = std::sqrt(pivot);
        a(j, j) = static_cast<float>(root);
        for (std::size_t i = j + 1; i < a.rows(); ++i) {
            const double rest = a(i, j) - dot(a.row(i).data(), a.row(j).data(), j);
            a(i, j) = static_cast<float>(rest / root);
        }
    }
    return true;
}

/// x = x l^-T for one row x, in place: forward substitution with the lower triangle l.
inline void solve_row_forward(float* x, matrix_view<const float> l) noexcept
{
    for (std::size_t j = 0; j < l.rows(); ++j)
        x[j] = static_cast<float>((x[j] - dot(x, l.row(j).data(), j)) / l(j, j));
}

/// x = x l^-1 for one row x, in place: backward substitution with the lower triangle l.
inline void solve_row_backward(float* x, matrix_view<const float> l) noexcept
{
    for (std::size_t j = l.rows(); j-- > 0;) {
        x[j] /= l(j, j);
        for (std::size_t i = 0; i < j; ++i) x[i] -= x[j] * l(j, i);
    }
}

} // namespace detail

/// Replaces the lower triangle of the symmetric matrix `a` (n, n) by its Cholesky factor l, a = l l^T;
/// what is above the diagonal is left as it was. `scratch` holds n x cholesky_panel floats.
/// False where `a` is not positive definite; its contents are then undefined.
template <class Product, execution E>
[[nodiscard]] bool factor_cholesky(const E& e, matrix_view<float> a, matrix_view<float> scratch)
{
    const std::size_t n = a.rows();
    for (std::size_t first = 0; first < n; first += cholesky_panel) {
        const std::size_t width = std::min(cholesky_panel, n - first), below = n - first - width;
        const auto panel = a.rows_from(first, n - first).cols_from(first, width);
        if (first > 0) {
            const auto done = a.rows_from(first, n - first).cols_from(0, first);
            const matrix_view<float> update{scratch.data(), n - first, width};
            Product::multiply_nt(e, done, done.rows_from(0, width), update);
            detail::subtract(e, panel, update, true);
        }
        const auto diagonal = panel.rows_from(0, width);
        if (!detail::factor_diagonal_block(diagonal)) return false;
        const auto rest = panel.rows_from(width, below);
        e.for_each(below, [=](std::size_t row) {
            detail::solve_row_forward(rest.row(row).data(), diagonal);
        });
    }
    return true;
}

/// x = x (l l^T)^-1 in place: x (m, n), l (n, n) from `factor_cholesky`. `scratch` holds
/// m x cholesky_panel floats.
template <class Product, execution E>
void solve_cholesky(const E& e, matrix_view<const float> l, matrix_view<float> x,
                    matrix_view<float> scratch)
{
    const std::size_t n = l.rows(), m = x.rows();
    const auto triangle = [&](std::size_t first, std::size_t width) {
        return l.rows_from(first, width).cols_from(first, width);
    };
    for (std::size_t first = 0; first < n; first += cholesky_panel) { // x = x l^-T
        const std::size_t width = std::min(cholesky_panel, n - first);
        const auto panel = x.cols_from(first, width);
        const matrix_view<float> update{scratch.data(), m, width};
        if (first > 0) {
            Product::multiply_nt(e, x.cols_from(0, first),
                                 l.rows_from(first, width).cols_from(0, first), update);
            detail::subtract(e, panel, update);
        }
        const auto diagonal = triangle(first, width);
        e.for_each(m, [=](std::size_t row) {
            detail::solve_row_forward(panel.row(row).data(), diagonal);
        });
    }
    const std::size_t last = (n - 1) / cholesky_panel * cholesky_panel;
    for (std::size_t first = last + cholesky_panel; first > 0;) { // x = x l^-1
        first -= cholesky_panel;
        const std::size_t width = std::min(cholesky_panel, n - first), after = first + width;
        const auto panel = x.cols_from(first, width);
        const matrix_view<float> update{scratch.data(), m, width};
        if (after < n) {
            Product::multiply_nn(e, x.cols_from(after, n - after),
                                 l.rows_from(after, n - after).cols_from(first, width), update);
            detail::subtract(e, panel, update);
        }
        const auto diagonal = triangle(first, width);
        e.for_each(m, [=](std::size_t row) {
            detail::solve_row_backward(panel.row(row).data(), diagonal);
        });
    }
}

} // namespace awq

#endif
