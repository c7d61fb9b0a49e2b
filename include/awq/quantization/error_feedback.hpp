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
concept feedback_format = requires(const F& f, matrix_view<const float> rows, std::span<const float> importance,
                                   typename F::grid& grid, std::size_t i, float x, int code)
{
    {
        F::batch
        } -> std::convertible_to<std::size_t>;
    {
        f.block_columns(i)
        } -> std::convertible_to<std::size_t>;
    {
        f.fit(rows, importance, i, &grid)
        } -> std::same_as<void>;
    {
        grid.nearest(i, x)
        } -> std::convertible_to<int>;
    {
        grid.value(i, code)
        } -> std::convertible_to<float>;
};

/// Turns a Gram matrix into the feedback matrix that `round_with_feedback` takes, in place.
///
/// Frantar et al. 2022 (GPTQ) and Chee et al. 2023 (LDLQ): with gram + damping = R R^T, R upper
/// triangular, the output error is ||dW R||^2, and column j is best rounded at
/// w_j + sum_{i<j} dw_i R_ij / R_jj. The result's upper triangle holds R_ij / R_jj.
/// `damping` is relative to the mean of the diagonal. `scratch`: as `factor_cholesky`. What is below the diagonal
/// stays, and `restore_gram` makes the Gram matrix of it again.
/// False where the damped matrix is not positive definite: the upper triangle is then undefined.
template <class Product, execution E>
[[nodiscard]] bool make_feedback(const E& e, matrix_view<float> gram, float damping, std::span<float> scratch)
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
                std::swap(first[half * gram.stride() + i], first[(n - 1 - half) * gram.stride() + (n - 1 - i)]);
    };
    const auto reverse_all = [&] {
        e.for_each(n / 2, reverse);
        if (n % 2 == 1) std::reverse(gram.row(n / 2).begin(), gram.row(n / 2).end());
    };
    reverse_all();
    const bool factored = factor_cholesky<Product>(e, gram, scratch);
    reverse_all();
    if (!factored) return false;
    for (std::size_t i = 0; i < n; ++i) scratch[i] = gram(i, i);
    e.for_each(n, [=](std::size_t i) {
        for (std::size_t j = i + 1; j < n; ++j) gram(i, j) /= scratch[j];
    });
    return true;
}

/// The Gram matrix that `make_feedback` was given, from what is left of it and its diagonal.
template <execution E>
void restore_gram(const E& e, matrix_view<float> gram, std::span<const float> diagonal)
{
    constexpr std::size_t tile = 64;
    const std::size_t n = gram.rows();
    e.for_each(chunk_count(n, tile), [=](std::size_t chunk) {
        const std::size_t first = chunk * tile, end = std::min(n, first + tile);
        for (std::size_t block = first; block < n; block += tile)
            for (std::size_t i = first; i < end; ++i)
                for (std::size_t j = std::max(i + 1, block); j < std::min(n, block + tile); ++j)
                    gram(i, j) = gram(j, i);
        for (std::size_t i = first; i < end; ++i) gram(i, i) = diagonal[i];
    });
}

namespace detail {

/// One block of columns of some rows; see `round_with_feedback`.
template <feedback_format Format, class Store>
struct feedback_block {
    matrix_view<float> weight;         // (rows, width): the targets of this block in, what they become out
    matrix_view<const float> feedback; // (width, width): the block's own part
    std::span<const float> importance;
    matrix_view<float> wanted;     // (rows, width): in: what the groups of blocks before feed in
    matrix_view<const float> near; // (rows, width): what the blocks of the same group do; or empty
    matrix_view<float> difference; // (rows, width)
    std::size_t first_row, first_column;
    const Format& format;
    const Store& store;

    void round_rows(std::size_t first, std::size_t count) const
    {
        typename Format::grid grids[Format::batch];
        const auto rows = wanted.rows_from(first, count);
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t i = 0; i < rows.cols(); ++i)
                rows(r, i) += weight(first + r, i) + (near.empty() ? 0.0f : near(first + r, i));
        format.fit(rows, importance, first_row + first, grids);
        for (std::size_t r = 0; r < count; ++r) round_row(first + r, grids[r]);
    }

private:
    void round_row(std::size_t row, const typename Format::grid& grid) const
    {
        constexpr std::size_t step = 256;
        std::uint8_t codes[step];
        const std::size_t width = weight.cols();
        for (std::size_t start = 0; start < width; start += step) {
            const std::size_t count = std::min(step, width - start);
            for (std::size_t k = 0; k < count; ++k) codes[k] = round_column(row, start + k, grid);
            store(first_row + row, first_column + start, grid, std::span<const std::uint8_t>{codes, count});
        }
    }

    std::uint8_t round_column(std::size_t row, std::size_t i, const typename Format::grid& grid) const
    {
        float* const values = wanted.row(row).data();
        const int code = grid.nearest(i, values[i]);
        const float rounded = grid.value(i, code), missing = weight(row, i) - rounded;
        weight(row, i) = rounded;
        difference(row, i) = missing;
        const float* const factor = feedback.row(i).data();
        for (std::size_t j = i + 1; j < weight.cols(); ++j) values[j] += missing * factor[j];
        return static_cast<std::uint8_t>(code);
    }
};

/// Blocks of so many columns are fed by one product from all columns before them.
constexpr std::size_t feedback_group(std::size_t block) noexcept
{
    return std::max<std::size_t>(1, 1024 / block) * block;
}

} // namespace detail

/// Rows that `round_with_feedback` rounds at a time are `difference.rows()`; it then takes so many floats of scratch.
template <feedback_format Format>
std::size_t feedback_scratch(const Format& format, matrix_view<const float> difference)
{
    const std::size_t block = format.block_columns(difference.cols());
    return difference.rows() * (detail::feedback_group(block) + block);
}

/// Rounds `weight` (out_features, in_features) onto the format's grid column by column, feeding each
/// column's error into the columns after it; every value is replaced by what its code stands for.
///
/// - `feedback` (in, in): from `make_feedback`. `importance`: mean of x^2 per column, or empty.
/// - `difference` (rows, in): working memory; so many rows are rounded at a time: a multiple of `Format::batch`, or
///   all. `scratch`: `feedback_scratch` floats.
/// - `store(row, first_column, grid, codes)` is called for each row and block, from any thread;
///   blocks of more than 256 columns come in pieces.
template <class Product, execution E, feedback_format Format, class Store>
void round_with_feedback(const E& e, matrix_view<float> weight, matrix_view<const float> feedback,
                         std::span<const float> importance, const Format& format, matrix_view<float> difference,
                         std::span<float> scratch, const Store& store)
{
    const std::size_t cols = weight.cols(), block = format.block_columns(cols);
    const std::size_t group = detail::feedback_group(block);
    // What the differences of columns [from, from + before) feed into columns [first, first + width).
    const auto feed = [&](matrix_view<const float> missing, std::size_t from, std::size_t first,
                          matrix_view<float> to) {
        if (first == from) return std::fill_n(to.data(), to.size(), 0.0f), void();
        Product::multiply_nn(e, missing.cols_from(from, first - from),
                             feedback.rows_from(from, first - from).cols_from(first, to.cols()), to);
    };
    const auto round_block = [&](matrix_view<float> rows, std::size_t first_row, matrix_view<float> missing,
                                 matrix_view<float> wanted, matrix_view<const float> near, std::size_t first) {
        const std::size_t width = wanted.cols();
        const detail::feedback_block<Format, Store> work{rows.cols_from(first, width),
                                                         feedback.rows_from(first, width).cols_from(first, width),
                                                         importance.empty() ? importance
                                                                            : importance.subspan(first, width),
                                                         wanted,
                                                         near,
                                                         missing.cols_from(first, width),
                                                         first_row,
                                                         first,
                                                         format,
                                                         store};
        e.for_each(chunk_count(rows.rows(), Format::batch), [&](std::size_t chunk) {
            const std::size_t at = chunk * Format::batch;
            work.round_rows(at, std::min(Format::batch, rows.rows() - at));
        });
    };
    for (std::size_t row = 0; row < weight.rows(); row += difference.rows()) {
        const auto rows = weight.rows_from(row, std::min(difference.rows(), weight.rows() - row));
        const auto missing = difference.rows_from(0, rows.rows());
        for (std::size_t start = 0; start < cols; start += group) {
            const matrix_view<float> wanted{scratch.data(), rows.rows(), std::min(group, cols - start)};
            feed(missing, 0, start, wanted);
            for (std::size_t first = start; first < start + wanted.cols(); first += block) {
                const std::size_t width = std::min(block, start + wanted.cols() - first);
                const matrix_view<float> near{scratch.data() + wanted.size(), rows.rows(), width};
                if (first > start) feed(missing, start, first, near);
                round_block(rows, row, missing, wanted.cols_from(first - start, width),
                            first > start ? near : matrix_view<float>{}, first);
            }
        }
    }
}

} // namespace awq

#endif
