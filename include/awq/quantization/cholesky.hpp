// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_CHOLESKY_HPP
#define AWQ_QUANTIZATION_CHOLESKY_HPP

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/precision.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>

namespace awq {

/// Columns that are factored together; the rest of the work is matrix products.
inline constexpr std::size_t cholesky_panel = 96;

/// Of a matrix of so many rows: floats of scratch with which these products are large. Less, down to a row, is enough.
constexpr std::size_t cholesky_scratch(std::size_t rows) noexcept { return rows * 512; }

namespace detail {

/// a -= a product, strip by strip of its rows: `multiply(first, count, out)` gives those of the product, of
/// a `triangle` only what is not above the diagonal.
template <execution E, class Multiply>
void subtract_product(const E& e, matrix_view<float> a, bool triangle, std::span<float> scratch,
                      const Multiply& multiply)
{
    const std::size_t most = std::max<std::size_t>(1, scratch.size() / a.cols());
    for (std::size_t first = 0; first < a.rows(); first += most) {
        const std::size_t count = std::min(most, a.rows() - first);
        const std::size_t cols = triangle ? std::min(first + count, a.cols()) : a.cols();
        const matrix_view<float> update{scratch.data(), count, cols};
        multiply(first, count, update);
        e.for_each(count, [=](std::size_t row) {
            float* const to = a.row(first + row).data();
            const float* const from = update.row(row).data();
            const std::size_t end = triangle ? std::min(first + row + 1, cols) : cols;
            for (std::size_t i = 0; i < end; ++i) to[i] -= from[i];
        });
    }
}

/// Where a triangle of more than one panel is cut in two.
constexpr std::size_t half_of_panels(std::size_t size) noexcept
{
    return chunk_count(chunk_count(size, cholesky_panel), 2) * cholesky_panel;
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

/// Rows that are solved side by side.
inline constexpr std::size_t solved_rows = 64;

/// The columns of at most `solved_rows` rows of a panel.
struct solved_columns {
    float column[cholesky_panel][solved_rows];

    explicit solved_columns(matrix_view<const float> x) noexcept
    {
        for (std::size_t j = 0; j < x.cols(); ++j)
            for (std::size_t r = 0; r < solved_rows; ++r) column[j][r] = r < x.rows() ? x(r, j) : 0.0f;
    }
    void store(matrix_view<float> x) const noexcept
    {
        for (std::size_t r = 0; r < x.rows(); ++r)
            for (std::size_t j = 0; j < x.cols(); ++j) x(r, j) = column[j][r];
    }
};

/// x = x l^-T for some rows, in place: forward substitution with the lower triangle l.
inline void solve_rows_forward(matrix_view<float> x, matrix_view<const float> l) noexcept
{
    solved_columns at{x};
    for (std::size_t j = 0; j < l.rows(); ++j) {
        float sum[solved_rows] = {};
        for (std::size_t i = 0; i < j; ++i)
            for (std::size_t r = 0; r < solved_rows; ++r) sum[r] += at.column[i][r] * l(j, i);
        for (std::size_t r = 0; r < solved_rows; ++r) at.column[j][r] = (at.column[j][r] - sum[r]) / l(j, j);
    }
    at.store(x);
}

/// x = x l^-1 for some rows, in place: backward substitution with the lower triangle l.
inline void solve_rows_backward(matrix_view<float> x, matrix_view<const float> l) noexcept
{
    solved_columns at{x};
    for (std::size_t j = l.rows(); j-- > 0;) {
        for (std::size_t r = 0; r < solved_rows; ++r) at.column[j][r] /= l(j, j);
        for (std::size_t i = 0; i < j; ++i)
            for (std::size_t r = 0; r < solved_rows; ++r) at.column[i][r] -= at.column[j][r] * l(j, i);
    }
    at.store(x);
}

template <execution E, class Solve>
void solve_all_rows(const E& e, matrix_view<float> x, const Solve& solve)
{
    e.for_each(chunk_count(x.rows(), solved_rows), [=](std::size_t chunk) {
        const std::size_t first = chunk * solved_rows;
        solve(x.rows_from(first, std::min(solved_rows, x.rows() - first)));
    });
}

/// Triangles of at most so many rows are not worth cutting up for all threads: a task takes one whole, for
/// `rows_of_task` rows of what is solved.
inline constexpr std::size_t triangle_of_task = 384, rows_of_task = 256;

/// Whether `solve_by_tasks` is for this triangle and so many rows, and has scratch enough.
constexpr bool takes_tasks(std::size_t triangle, std::size_t rows, std::span<float> scratch) noexcept
{
    return triangle <= triangle_of_task && rows > rows_of_task &&
           scratch.size() / chunk_count(rows, rows_of_task) >= triangle;
}

/// Calls solve(how, rows, scratch) for some rows of x in each task; `how` works in the task's thread.
template <execution E, class Solve>
void solve_by_tasks(const E& e, matrix_view<float> x, std::span<float> scratch, const Solve& solve)
{
    const std::size_t tasks = chunk_count(x.rows(), rows_of_task), share = scratch.size() / tasks;
    const auto serial = with_precision(serial_execution{}, operands_of(e));
    e.for_each(tasks, [&](std::size_t task) {
        const std::size_t first = task * rows_of_task;
        solve(serial, x.rows_from(first, std::min(rows_of_task, x.rows() - first)),
              scratch.subspan(task * share, share));
    });
}

/// x = x l^-T in place.
template <class Product, execution E>
void solve_forward(const E& e, matrix_view<const float> l, matrix_view<float> x, std::span<float> scratch)
{
    const std::size_t n = l.rows(), half = half_of_panels(n);
    if (n <= cholesky_panel) return solve_all_rows(e, x, [=](matrix_view<float> rows) { solve_rows_forward(rows, l); });
    if (takes_tasks(n, x.rows(), scratch))
        return solve_by_tasks(e, x, scratch, [l](const auto& serial, matrix_view<float> rows, std::span<float> own) {
            solve_forward<Product>(serial, l, rows, own);
        });
    const auto left = x.cols_from(0, half), right = x.cols_from(half, n - half);
    solve_forward<Product>(e, l.rows_from(0, half).cols_from(0, half), left, scratch);
    subtract_product(e, right, false, scratch, [&](std::size_t first, std::size_t count, matrix_view<float> out) {
        Product::multiply_nt(e, left.rows_from(first, count), l.rows_from(half, n - half).cols_from(0, half), out);
    });
    solve_forward<Product>(e, l.rows_from(half, n - half).cols_from(half, n - half), right, scratch);
}

/// x = x l^-1 in place.
template <class Product, execution E>
void solve_backward(const E& e, matrix_view<const float> l, matrix_view<float> x, std::span<float> scratch)
{
    const std::size_t n = l.rows(), half = half_of_panels(n);
    if (n <= cholesky_panel)
        return solve_all_rows(e, x, [=](matrix_view<float> rows) { solve_rows_backward(rows, l); });
    if (takes_tasks(n, x.rows(), scratch))
        return solve_by_tasks(e, x, scratch, [l](const auto& serial, matrix_view<float> rows, std::span<float> own) {
            solve_backward<Product>(serial, l, rows, own);
        });
    const auto left = x.cols_from(0, half), right = x.cols_from(half, n - half);
    solve_backward<Product>(e, l.rows_from(half, n - half).cols_from(half, n - half), right, scratch);
    subtract_product(e, left, false, scratch, [&](std::size_t first, std::size_t count, matrix_view<float> out) {
        Product::multiply_nn(e, right.rows_from(first, count), l.rows_from(half, n - half).cols_from(0, half), out);
    });
    solve_backward<Product>(e, l.rows_from(0, half).cols_from(0, half), left, scratch);
}

template <class Product, execution E>
[[nodiscard]] bool factor_triangle(const E& e, matrix_view<float> a, std::span<float> scratch)
{
    const std::size_t n = a.rows(), half = half_of_panels(n);
    if (n <= cholesky_panel) return factor_diagonal_block(a);
    if constexpr (!std::is_same_v<E, serial_execution>)
        if (n <= triangle_of_task)
            return factor_triangle<Product>(with_precision(serial_execution{}, operands_of(e)), a, scratch);
    const auto upper = a.rows_from(0, half).cols_from(0, half);
    const auto below = a.rows_from(half, n - half).cols_from(0, half);
    const auto rest = a.rows_from(half, n - half).cols_from(half, n - half);
    if (!factor_triangle<Product>(e, upper, scratch)) return false;
    solve_forward<Product>(e, upper, below, scratch);
    subtract_product(e, rest, true, scratch, [&](std::size_t first, std::size_t count, matrix_view<float> out) {
        Product::multiply_nt(e, below.rows_from(first, count), below.rows_from(0, out.cols()), out);
    });
    return factor_triangle<Product>(e, rest, scratch);
}

} // namespace detail

/// Replaces the lower triangle of the symmetric matrix `a` (n, n) by its Cholesky factor l, a = l l^T, halves
/// first, so that nearly all of the work is large products; what is above the diagonal is left as it was.
/// `scratch`: n floats or more, `cholesky_scratch(n)` for speed.
/// False where `a` is not positive definite; its lower triangle is then undefined.
template <class Product, execution E>
[[nodiscard]] bool factor_cholesky(const E& e, matrix_view<float> a, std::span<float> scratch)
{
    return a.empty() || detail::factor_triangle<Product>(e, a, scratch);
}

/// x = x (l l^T)^-1 in place: x (m, n), l (n, n) from `factor_cholesky`. `scratch`: n floats or more,
/// `cholesky_scratch(m)` for speed.
template <class Product, execution E>
void solve_cholesky(const E& e, matrix_view<const float> l, matrix_view<float> x, std::span<float> scratch)
{
    detail::solve_forward<Product>(e, l, x, scratch);
    detail::solve_backward<Product>(e, l, x, scratch);
}

} // namespace awq

#endif
