// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_ERROR_FEEDBACK_HPP
#define AWQ_QUANTIZATION_ERROR_FEEDBACK_HPP

#include <awq/quantization/cholesky.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace awq {

/// A format that error feedback can round onto, one block of neighbouring columns at a time.
///
/// - `block_columns(in_features)`: columns whose scales are chosen together.
/// - `fit(rows, importance, first_row, grids)`: the scales (and minimums) of one block of at most
///   `batch` neighbouring rows, as the format's own search finds them.
/// - `grid.nearest(i, x)`: the code of the block's column i that is nearest to x.
/// - `grid.value(i, code)`: what that code dequantizes to.
template <class F>
concept feedback_format =
    requires(const F& f, matrix_view<const float> rows, std::span<const float> importance,
             typename F::grid& grid, std::size_t i, float x, int code) {
        { F::batch } -> std::convertible_to<std::size_t>;
        { f.block_columns(i) } -> std::convertible_to<std::size_t>;
        { f.fit(rows, importance, i, &grid) } -> std::same_as<void>;
        { grid.nearest(i, x) } -> std::convertible_to<int>;
        { grid.value(i, code) } -> std::convertible_to<float>;
    };

/// Turns a Gram matrix into the feedback matrix that `round_with_feedback` takes, in place.
///
/// Frantar et al. 2022 (GPTQ) and Chee et al. 2023 (LDLQ): with gram + damping = R R^T, R upper
/// triangular, the output error is ||dW R||^2, and column j is best rounded at
/// w_j + sum_{i<j} dw_i R_ij / R_jj. The result's upper triangle holds R_ij / R_jj.
/// `damping` is relative to the mean of the diagonal. `scratch`: n x cholesky_panel floats.
/// False where the damped matrix is not positive definite.
template <class Product, execution E>
[[nodiscard]] bool make_feedback(const E& e, matrix_view<float> gram, float damping,
                                 matrix_view<float> scratch)
{
    const std::size_t n = gram.rows();
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i) mean += gram(i, i);
    mean /= static_cast<double>(n);
    if (!(mean > 0)) return false;
    for (std::size_t i = 0; i < n; ++i) gram(i, i) += static_cast<float>(damping * mean);

    // R is the lower factor of the matrix with both orders reversed, read backwards.
    float* const first = gram.data();
    const auto reverse = [=](std::size_t half) {
        if (half < n - 1 - half)
            for (std::size_t i = 0; i < n; ++i)
                std::swap(first[half * gram.stride() + i],
                          first[(n - 1 - half) * gram.stride() + (n - 1 - i)]);
    };
    const auto reverse_all = [&] {
        e.for_each(n / 2, reverse);
        if (n % 2 == 1) std::reverse(gram.row(n / 2).begin(), gram.row(n / 2).end());
    };
    reverse_all();
    if (!factor_cholesky<Product>(e, gram, scratch)) return false;
    reverse_all();
    e.for_each(n, [=](std::size_t i) {
        for (std::size_t j = i + 1; j < n; ++j) gram(i, j) /= gram(j, j);
    });
    return true;
}

namespace detail {

/// One block of columns of all rows; see `round_with_feedback`.
template <feedback_format Format, class Store>
struct feedback_block {
    matrix_view<const float> target;   // (rows, width): the weights of this block
    matrix_view<const float> feedback; // (width, width): the block's own part
    std::span<const float> importance;
    matrix_view<float> wanted;     // (rows, width): in: what earlier blocks feed in
    matrix_view<float> out;        // (rows, width)
    matrix_view<float> difference; // (rows, width)
    std::size_t first_column;
    const Format& format;
    const Store& store;

    void round_rows(std::size_t first, std::size_t count) const
    {
        typename Format::grid grids[Format::batch];
        const auto rows = wanted.rows_from(first, count);
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t i = 0; i < rows.cols(); ++i) rows(r, i) += target(first + r, i);
        format.fit(rows, importance, first, grids);
        for (std::size_t r = 0; r < count; ++r) round_row(first + r, grids[r]);
    }

private:
    void round_row(std::size_t row, const typename Format::grid& grid) const
    {
        constexpr std::size_t step = 256;
        std::uint8_t codes[step];
        const std::size_t width = target.cols();
        for (std::size_t start = 0; start < width; start += step) {
            const std::size_t count = std::min(step, width - start);
            for (std::size_t k = 0; k < count; ++k) codes[k] = round_column(row, start + k, grid);
            store(row, first_column + start, grid, std::span<const std::uint8_t>{codes, count});
        }
    }

    std::uint8_t round_column(std::size_t row, std::size_t i, const typename Format::grid& grid) const
    {
        float* const values = wanted.row(row).data();
        const int code = grid.nearest(i, values[i]);
        out(row, i) = grid.value(i, code);
        const float missing = target(row, i) - out(row, i);
        difference(row, i) = missing;
        const float* const weight = feedback.row(i).data();
        for (std::size_t j = i + 1; j < target.cols(); ++j) values[j] += missing * weight[j];
        return static_cast<std::uint8_t>(code);
    }
};

} // namespace detail

/// Rounds `target` (out_features, in_features) onto the format's grid column by column, feeding each
/// column's error into the columns after it.
///
/// - `feedback` (in, in): from `make_feedback`. `importance`: mean of x^2 per column, or empty.
/// - `out`: the dequantized result. `difference`: working memory of the shape of `target`.
/// - `scratch`: out_features x block_columns floats.
/// - `store(row, first_column, grid, codes)` is called for each row and block, from any thread;
///   blocks of more than 256 columns come in pieces.
template <class Product, execution E, feedback_format Format, class Store>
void round_with_feedback(const E& e, matrix_view<const float> target,
                         matrix_view<const float> feedback, std::span<const float> importance,
                         const Format& format, matrix_view<float> out,
                         matrix_view<float> difference, std::span<float> scratch,
                         const Store& store)
{
    const std::size_t rows = target.rows(), cols = target.cols();
    const std::size_t block = format.block_columns(cols);
    for (std::size_t first = 0; first < cols; first += block) {
        const std::size_t width = std::min(block, cols - first);
        const matrix_view<float> wanted{scratch.data(), rows, width};
        if (first == 0)
            std::fill_n(scratch.data(), wanted.size(), 0.0f);
        else
            Product::multiply_nn(e, difference.cols_from(0, first),
                                 feedback.rows_from(0, first).cols_from(first, width), wanted);
        const detail::feedback_block<Format, Store> work{
            target.cols_from(first, width),
            feedback.rows_from(first, width).cols_from(first, width),
            importance.empty() ? importance : importance.subspan(first, width),
            wanted,
            out.cols_from(first, width),
            difference.cols_from(first, width),
            first,
            format,
            store};
        e.for_each(chunk_count(rows, Format::batch), [&](std::size_t chunk) {
            const std::size_t at = chunk * Format::batch;
            work.round_rows(at, std::min(Format::batch, rows - at));
        });
    }
}

} // namespace awq

#endif
