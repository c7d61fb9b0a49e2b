// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP
#define AWQ_EXECUTION_PRODUCTS_FEW_ROWS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/kernels/multiply_add.hpp>
#include <awq/execution/kernels/simd_batch.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

// Products whose left operand has few rows, as when one token is generated: b is read once, so
// packing it would cost more than the product. No working memory.

namespace awq::detail {

/// Rows of a and of b whose products run together: the sums of `side_by_side` fill at most three
/// quarters of the registers.
template <class Arch>
struct dots_shape {
    static constexpr std::size_t parts = kernels::side_by_side<float, Arch>::parts;
    static constexpr bool fits = parts <= 4; // not where a register holds one number
    static constexpr std::size_t rows = parts == 1 ? 4 : fits ? 3 : 1;
    static constexpr std::size_t cols = fits ? 4 / parts : 1;
    static constexpr std::size_t cols_of_one_row = parts == 4 ? 3 : fits ? 4 : 1;
};

/// c[r][n] = dot(a row r, b row n) for Rows x Cols rows.
template <class Arch, kernels::accumulation Kind, std::size_t Rows, std::size_t Cols>
void multiply_dots(const float* a, std::size_t a_stride, const float* b, std::size_t b_stride, std::size_t depth,
                   float* c, std::size_t c_stride) noexcept
{
    using batch = kernels::float_batch<Arch>;
    kernels::side_by_side<float, Arch> sum[Rows][Cols];
    const std::size_t rest = kernels::for_parts<float, Arch>(depth, [&](auto p, std::size_t d) AWQ_INLINED {
        batch left[Rows];
        kernels::unroll<Rows>([&](auto r) AWQ_INLINED { left[r] = batch::load_unaligned(a + r * a_stride + d); });
        kernels::unroll<Cols>([&](auto n) AWQ_INLINED {
            const batch right = batch::load_unaligned(b + n * b_stride + d);
            kernels::unroll<Rows>([&](auto r) AWQ_INLINED {
                batch& to = sum[r][n].part[p];
                to = kernels::multiply_add<Kind>(left[r], right, to);
            });
        });
    });
    kernels::unroll<Rows * Cols>(
        [&](auto i) AWQ_INLINED { c[i / Cols * c_stride + i % Cols] = sum[i / Cols][i % Cols].total(); });
    for (std::size_t d = rest; d < depth; ++d)
        for (std::size_t i = 0; i < Rows * Cols; ++i) {
            float& to = c[i / Cols * c_stride + i % Cols];
            to = kernels::multiply_add<Kind, Arch>(a[i / Cols * a_stride + d], b[i % Cols * b_stride + d], to);
        }
}

template <class Arch, kernels::accumulation Kind, std::size_t Rows>
void multiply_few_nt(matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    using shape = dots_shape<Arch>;
    constexpr std::size_t cols = Rows == 1 ? shape::cols_of_one_row : shape::cols;
    const auto dots = [&](auto width, std::size_t j) {
        multiply_dots<Arch, Kind, Rows, width()>(a.data(), a.stride(), b.data() + j * b.stride(), b.stride(), a.cols(),
                                                 c.data() + j, c.stride());
    };
    std::size_t j = 0;
    for (; j + cols <= b.rows(); j += cols) dots(std::integral_constant<std::size_t, cols>{}, j);
    for (; j < b.rows(); ++j) dots(std::integral_constant<std::size_t, 1>{}, j);
}

/// c = a b^T, for the rows of b that one task takes.
template <class Arch, kernels::accumulation Kind>
void multiply_rows_nt(matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t step = dots_shape<Arch>::rows;
    std::size_t i = 0;
    for (; i + step <= a.rows(); i += step)
        multiply_few_nt<Arch, Kind, step>(a.rows_from(i, step), b, c.rows_from(i, step));
    for (; i < a.rows(); ++i) multiply_few_nt<Arch, Kind, 1>(a.rows_from(i, 1), b, c.rows_from(i, 1));
}

/// c = a b^T without packing. Tasks take fixed runs of b's rows.
template <class Arch, execution E>
void multiply_unpacked_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t floats_per_task = 1 << 16;
    const std::size_t grain = std::max<std::size_t>(4, floats_per_task / (b.cols() + 1) / 4 * 4);
    e.for_each(chunk_count(b.rows(), grain), [=](std::size_t chunk) {
        const std::size_t first = chunk * grain;
        const std::size_t count = std::min(grain, b.rows() - first);
        with_accumulation<Arch>([&](auto kind) {
            multiply_rows_nt<Arch, kind()>(a, b.rows_from(first, count), c.cols_from(first, count));
        });
    });
}

/// One row of c = a b, `Batches` registers wide; b's rows are read where they lie.
template <class Arch, kernels::accumulation Kind, std::size_t Batches>
void multiply_columns_nn(const float* a, std::size_t depth, const float* b, std::size_t b_stride, float* c) noexcept
{
    using batch = kernels::float_batch<Arch>;
    batch sum[Batches];
    kernels::unroll<Batches>([&](auto n) AWQ_INLINED { sum[n] = batch(0.0f); });
    for (std::size_t d = 0; d < depth; ++d) {
        const batch left(a[d]);
        kernels::unroll<Batches>([&](auto n) AWQ_INLINED {
            const batch right = batch::load_unaligned(b + d * b_stride + n * batch::size);
            sum[n] = kernels::multiply_add<Kind>(left, right, sum[n]);
        });
    }
    kernels::unroll<Batches>([&](auto n) AWQ_INLINED { sum[n].store_unaligned(c + n * batch::size); });
}

template <class Arch, kernels::accumulation Kind>
void multiply_row_nn(std::span<const float> a, matrix_view<const float> b, float* c) noexcept
{
    constexpr std::size_t width = kernels::lanes<Arch>;
    std::size_t j = 0;
    for (; j + 4 * width <= b.cols(); j += 4 * width)
        multiply_columns_nn<Arch, Kind, 4>(a.data(), a.size(), b.data() + j, b.stride(), c + j);
    for (; j + width <= b.cols(); j += width)
        multiply_columns_nn<Arch, Kind, 1>(a.data(), a.size(), b.data() + j, b.stride(), c + j);
    for (; j < b.cols(); ++j) {
        float sum = 0.0f;
        for (std::size_t d = 0; d < a.size(); ++d) sum = kernels::multiply_add<Kind, Arch>(a[d], b(d, j), sum);
        c[j] = sum;
    }
}

/// c = a b without packing. Tasks take fixed runs of b's columns.
template <class Arch, execution E>
void multiply_unpacked_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
{
    constexpr std::size_t grain = 512;
    e.for_each(chunk_count(b.cols(), grain), [=](std::size_t chunk) {
        const std::size_t first = chunk * grain;
        const std::size_t count = std::min(grain, b.cols() - first);
        with_accumulation<Arch>([&](auto kind) {
            for (std::size_t i = 0; i < a.rows(); ++i)
                multiply_row_nn<Arch, kind()>(a.row(i), b.cols_from(first, count), c.row(i).data() + first);
        });
    });
}

} // namespace awq::detail

#endif
