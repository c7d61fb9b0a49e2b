// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_PRODUCTS_OPENBLAS_HPP
#define AWQ_EXECUTION_PRODUCTS_OPENBLAS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <cblas.h>

#include <algorithm>
#include <cstddef>

namespace awq {

/// Sets the number of OpenBLAS's own threads while it lives, for the whole process.
///
/// One pool of threads at a time: hold `openblas_threads one{1}` around everything that multiplies
/// under `tbb_execution`, or call with `serial_execution` and give OpenBLAS all threads.
class openblas_threads {
public:
    explicit openblas_threads(int count) : before_(openblas_get_num_threads()) { openblas_set_num_threads(count); }
    openblas_threads(const openblas_threads&) = delete;
    openblas_threads& operator=(const openblas_threads&) = delete;
    ~openblas_threads() { openblas_set_num_threads(before_); }

private:
    int before_;
};

/// Matrix products by OpenBLAS; opt-in, link `awq::openblas`. The execution takes fixed runs of
/// output rows, so the result has the same bits at any number of its threads (OpenBLAS's own
/// threads may change them). Operands may have strides; the output must not overlap an input.
struct openblas_product {
    /// c = a b^T: a (m, k), b (n, k), c (m, n).
    template <execution E>
    static void multiply_nt(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        by_rows(e, c, [=](std::size_t first, matrix_view<float> rows) {
            const auto left = a.rows_from(first, rows.rows());
            multiply(CblasNoTrans, CblasTrans, left, b, a.cols(), 0.0f, rows);
        });
    }

    /// c = a b: a (m, k), b (k, n), c (m, n).
    template <execution E>
    static void multiply_nn(const E& e, matrix_view<const float> a, matrix_view<const float> b, matrix_view<float> c)
    {
        by_rows(e, c, [=](std::size_t first, matrix_view<float> rows) {
            const auto left = a.rows_from(first, rows.rows());
            multiply(CblasNoTrans, CblasNoTrans, left, b, a.cols(), 0.0f, rows);
        });
    }

    /// g += x^T x: x (tokens, k), g (k, k). The upper triangle is computed and mirrored: what the
    /// lower triangle of g held before is lost.
    template <execution E>
    static void add_gram(const E& e, matrix_view<const float> x, matrix_view<float> g)
    {
        by_rows(e, g, [=](std::size_t first, matrix_view<float> rows) {
            const auto square = rows.cols_from(first, rows.rows());
            cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, size(rows.rows()), size(x.rows()), 1.0f,
                        x.data() + first, size(x.stride()), 1.0f, square.data(), size(g.stride()));
            const std::size_t next = first + rows.rows();
            const std::size_t right = g.cols() - next;
            if (right == 0) return;
            multiply(CblasTrans, CblasNoTrans, x.cols_from(first, rows.rows()), x.cols_from(next, right), x.rows(),
                     1.0f, rows.cols_from(next, right));
        });
        for (std::size_t i = 0; i < g.rows(); ++i)
            for (std::size_t j = 0; j < i; ++j) g(i, j) = g(j, i);
    }

    /// g += x^T y: x (tokens, m), y (tokens, n), g (m, n).
    template <execution E>
    static void add_cross_gram(const E& e, matrix_view<const float> x, matrix_view<const float> y, matrix_view<float> g)
    {
        by_rows(e, g, [=](std::size_t first, matrix_view<float> rows) {
            const auto left = x.cols_from(first, rows.rows());
            multiply(CblasTrans, CblasNoTrans, left, y, x.rows(), 1.0f, rows);
        });
    }

private:
    static blasint size(std::size_t value) noexcept { return static_cast<blasint>(value); }

    template <execution E, class Task>
    static void by_rows(const E& e, matrix_view<float> c, const Task& task)
    {
        constexpr std::size_t grain = 512;
        if (c.empty()) return;
        e.for_each(chunk_count(c.rows(), grain), [&](std::size_t chunk) {
            const std::size_t first = chunk * grain;
            task(first, c.rows_from(first, std::min(grain, c.rows() - first)));
        });
    }

    static void multiply(CBLAS_TRANSPOSE left, CBLAS_TRANSPOSE right, matrix_view<const float> a,
                         matrix_view<const float> b, std::size_t depth, float beta, matrix_view<float> c)
    {
        cblas_sgemm(CblasRowMajor, left, right, size(c.rows()), size(c.cols()), size(depth), 1.0f, a.data(),
                    size(a.stride()), b.data(), size(b.stride()), beta, c.data(), size(c.stride()));
    }
};

} // namespace awq

#endif
