// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP
#define AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/kernels/simd_batch.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

// Products whose left operand has few rows, as when one token is generated: b is read once, so
// packing it would cost more than the product. No working memory.

namespace awq::detail {

/// Rows of `a` that share one pass over b.
inline constexpr std::size_t few_rows_at_once = 4;

/// c[r][n] = dot(a row r, b row n) for Rows x Cols rows, in Rows * Cols vector sums.
template <class Arch, std::size_t Rows, std::size_t Cols>
void multiply_dots(const float* a, std::size_t a_stride, const float* b, std::size_t b_stride,
                   std::size_t depth, float* c, std::size_t c_stride) noexcept
{
    using batch = kernels::float_batch<Arch>;
    batch sum[Rows][Cols];
    kernels::unroll<Rows * Cols>([&](auto i) __attribute__((always_inline)) {
        sum[i / Cols][i % Cols] = batch(0.0f);
    });
    std::size_t d = 0;
    for (; d + batch::size <= depth; d += batch::size) {
        batch left[Rows];
        kernels::unroll<Rows>([&](auto r) __attribute__((always_inline)) {
            left[r] = batch::load_unaligned(a + r * a_stride + d);
        });
        kernels::unroll<Cols>([&](auto n) __attribute__((always_inline)) {
            const batch right = batch::load_unaligned(b + n * b_stride + d);
            kernels::unroll<Rows>([&](auto r) __attribute__((always_inline)) {
                sum[r][n] = kernels::multiply_add(left[r], right, sum[r][n]);
            });
        });
    }
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t n = 0; n < Cols; ++n) {
            float total = kernels::lane_sum(sum[r][n]);
            for (std::size_t t = d; t < depth; ++t) total += a[r * a_stride + t] * b[n * b_stride + t];
            c[r * c_stride + n] = total;
        }
    }
}

template <class Arch, std::size_t Rows>
void multiply_few_nt(matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t cols = 4;
    std::size_t j = 0;
    for (; j + cols <= b.rows(); j += cols)
        multiply_dots<Arch, Rows, cols>(a.data(), a.stride(), b.data() + j * b.stride(), b.stride(),
                                        a.cols(), c.data() + j, c.stride());
    for (; j < b.rows(); ++j)
        multiply_dots<Arch, Rows, 1>(a.data(), a.stride(), b.data() + j * b.stride(), b.stride(),
                                     a.cols(), c.data() + j, c.stride());
}

/// c = a b^T, for the rows of b that one task takes.
template <class Arch>
void multiply_rows_nt(matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t step = few_rows_at_once;
    std::size_t i = 0;
    for (; i + step <= a.rows(); i += step)
        multiply_few_nt<Arch, step>(a.rows_from(i, step), b, c.rows_from(i, step));
    for (; i < a.rows(); ++i) multiply_few_nt<Arch, 1>(a.rows_from(i, 1), b, c.rows_from(i, 1));
}

/// c = a b^T without packing. Tasks take fixed runs of b's rows.
template <class Arch, execution E>
void multiply_unpacked_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                          matrix_view<float> c)
{
    constexpr std::size_t floats_per_task = 1 << 16;
    const std::size_t grain = std::max<std::size_t>(4, floats_per_task / (b.cols() + 1) / 4 * 4);
    e.for_each(chunk_count(b.rows(), grain), [=](std::size_t chunk) {
        const std::size_t first = chunk * grain;
        const std::size_t count = std::min(grain, b.rows() - first);
        multiply_rows_nt<Arch>(a, b.rows_from(first, count), c.cols_from(first, count));
    });
}

/// One row of c = a b, `Batches` registers wide; b's rows are read where they lie.
template <class Arch, std::size_t Batches>
void multiply_columns_nn(const float* a, std::size_t depth, const float* b, std::size_t b_stride,
                         float* c) noexcept
{
    using batch = kernels::float_batch<Arch>;
    batch sum[Batches];
    kernels::unroll<Batches>([&](auto n) __attribute__((always_inline)) { sum[n] = batch(0.0f); });
    for (std::size_t d = 0; d < depth; ++d) {
        const batch left(a[d]);
        kernels::unroll<Batches>([&](auto n) __attribute__((always_inline)) {
            const batch right = batch::load_unaligned(b + d * b_stride + n * batch::size);
            sum[n] = kernels::multiply_add(left, right, sum[n]);
        });
    }
    kernels::unroll<Batches>([&](auto n) __attribute__((always_inline)) {
        sum[n].store_unaligned(c + n * batch::size);
    });
}

template <class Arch>
void multiply_row_nn(std::span<const float> a, matrix_view<const float> b, float* c) noexcept
{
    constexpr std::size_t width = kernels::lanes<Arch>;
    std::size_t j = 0;
    for (; j + 4 * width <= b.cols(); j += 4 * width)
        multiply_columns_nn<Arch, 4>(a.data(), a.size(), b.data() + j, b.stride(), c + j);
    for (; j + width <= b.cols(); j += width)
        multiply_columns_nn<Arch, 1>(a.data(), a.size(), b.data() + j, b.stride(), c + j);
    for (; j < b.cols(); ++j) {
        float sum = 0.0f;
        for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b(d, j);
        c[j] = sum;
    }
}

/// c = a b without packing. Tasks take fixed runs of b's columns.
template <class Arch, execution E>
void multiply_unpacked_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b,
                          matrix_view<float> c)
{
    constexpr std::size_t grain = 512;
    e.for_each(chunk_count(b.cols(), grain), [=](std::size_t chunk) {
        const std::size_t first = chunk * grain;
        const std::size_t count = std::min(grain, b.cols() - first);
        for (std::size_t i = 0; i < a.rows(); ++i)
            multiply_row_nn<Arch>(a.row(i), b.cols_from(first, count), c.row(i).data() + first);
    });
}

} // namespace awq::detail

#endif
