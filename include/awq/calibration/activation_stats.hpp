// SPDX-License-Identifier: MIT
#ifndef AWQ_CALIBRATION_ACTIVATION_STATS_HPP
#define AWQ_CALIBRATION_ACTIVATION_STATS_HPP

#include <awq/calibration/loss_mask.hpp>
#include <awq/execution/execution_concept.hpp>
#include <awq/execution/matrix_product.hpp>
#include <awq/execution/widen.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/backend_concept.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/workspace.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace awq {

/// Running sums over the inputs of a layer, in the caller's memory, which starts as zeros. Being
/// sums they merge: over batches, threads and machines. All but the token count may be absent
/// (empty).
struct activation_stats {
    std::span<double> abs_sum;    ///< (in_features) sum of |x|
    std::span<double> square_sum; ///< (in_features) sum of x^2
    matrix_view<float> gram;      ///< (in_features, in_features) X^T X
    std::uint64_t tokens = 0;

    /// Floats that statistics over `in_features` channels take, with or without a Gram matrix.
    static constexpr std::size_t size(std::size_t in_features, bool with_gram) noexcept
    {
        return 2 * workspace::size_for<double>(in_features) + (with_gram ? in_features * in_features : 0);
    }

    /// Zeroed statistics in the front of `memory`; workspace_too_small where it has no room.
    static result<activation_stats> make(workspace& memory, std::size_t in_features, bool with_gram)
    {
        activation_stats made;
        made.abs_sum = memory.take<double>(in_features);
        made.square_sum = memory.take<double>(in_features);
        std::span<float> gram;
        if (with_gram) gram = memory.take<float>(in_features * in_features);
        if (made.square_sum.empty() || (with_gram && gram.empty()))
            return error{error_code::workspace_too_small,
                         "activation statistics: ",
                         in_features,
                         " channels need ",
                         size(in_features, with_gram),
                         " floats"};
        std::ranges::fill(gram, 0.0f);
        if (with_gram) made.gram = {gram.data(), in_features, in_features};
        return made;
    }

    /// Adds a batch of inputs, (tokens, in_features), of float, f16 or bf16, with the tokens that the mask
    /// keeps. `Product`: the matrix product that adds to the Gram matrix. `scratch`: only for 16-bit inputs
    /// and a product of one's own that does not read them: in_features floats or more, in which they are
    /// widened by tiles.
    template <class Product, execution E, class T = const float>
    status observe(const E& how, matrix_view<T> x, loss_mask mask = {}, std::span<float> scratch = {});

    /// Adds the sums of `other`, which has the same shape and the same parts.
    status merge(const activation_stats& other) noexcept;

    /// Mean of |x| per channel, in float, into `out`. not_calibrated without tokens.
    status mean_abs(std::span<float> out) const noexcept { return mean_of(abs_sum, out); }

    /// Mean of x^2 per channel: the importance that GGUF quantizers take.
    status mean_square(std::span<float> out) const noexcept { return mean_of(square_sum, out); }

private:
    template <class Product, execution E, class T>
    void add_gram(const E& how, matrix_view<const T> run, std::span<float> scratch)
    {
        if constexpr (gram_of_elements<Product, E, T>)
            Product::add_gram(how, run, gram);
        else
            for_each_widened(how, run, scratch,
                             [&](std::size_t, matrix_view<const float> tile) { Product::add_gram(how, tile, gram); });
    }

    status mean_of(std::span<const double> sums, std::span<float> out) const noexcept
    {
        if (tokens == 0) return error{error_code::not_calibrated, "activation statistics: no token was observed"};
        if (sums.size() != out.size())
            return error{error_code::shape_mismatch,
                         "activation statistics: ",
                         sums.size(),
                         " channels, ",
                         out.size(),
                         " wanted"};
        for (std::size_t i = 0; i < sums.size(); ++i)
            out[i] = static_cast<float>(sums[i] / static_cast<double>(tokens));
        return {};
    }
};

namespace detail {

// Eight rows are added in float, where nothing of weight is lost, and go into the double sums as
// one.
template <std::size_t Rows, class T, class Value>
void add_rows(matrix_view<T> x, std::size_t first, double* sums, Value value) noexcept
{
    const T* rows[Rows];
    for (std::size_t r = 0; r < Rows; ++r) rows[r] = x.row(first + r).data();
    for (std::size_t c = 0; c < x.cols(); ++c) {
        float sum = value(static_cast<float>(rows[0][c]));
        for (std::size_t r = 1; r < Rows; ++r) sum += value(static_cast<float>(rows[r][c]));
        sums[c] += static_cast<double>(sum);
    }
}

template <class T, class Value>
void add_columns(matrix_view<T> x, std::span<double> sums, std::size_t column, Value value) noexcept
{
    if (sums.empty()) return;
    constexpr std::size_t at_once = 8;
    std::size_t r = 0;
    for (; r + at_once <= x.rows(); r += at_once) add_rows<at_once>(x, r, sums.data() + column, value);
    for (; r < x.rows(); ++r) add_rows<1>(x, r, sums.data() + column, value);
}

} // namespace detail

template <class Product, execution E, class T>
status activation_stats::observe(const E& how, matrix_view<T> x, loss_mask mask, std::span<float> scratch)
{
    using element = std::remove_const_t<T>;
    static_assert(tensor_element<element>, "awq::activation_stats: inputs are float, awq::f16 or awq::bf16");
    const auto fits = [&](std::size_t size) { return size == 0 || size == x.cols(); };
    if (!fits(abs_sum.size()) || !fits(square_sum.size()) || !fits(gram.cols()))
        return error{error_code::shape_mismatch,
                     "activation statistics: a batch has ",
                     x.cols(),
                     " channels, ",
                     abs_sum.size(),
                     " expected"};
    const bool has_tile = gram_of_elements<Product, E, element> || scratch.size() >= x.cols();
    if (!gram.empty() && !has_tile)
        return error{error_code::workspace_too_small,
                     "activation statistics: this product widens 16-bit "
                     "inputs by tiles; give a scratch of ",
                     x.cols(), " floats"};
    constexpr std::size_t width = 256; // columns a task; few enough to spread, enough for long reads
    constexpr std::size_t depth = 64;  // rows that stay in the cache between the two sums
    mask.for_each_run(x.rows(), [&](std::size_t first, std::size_t count) {
        const matrix_view<const element> run = x.rows_from(first, count);
        how.for_each(chunk_count(x.cols(), width), [&](std::size_t chunk) {
            const std::size_t at = chunk * width, columns = std::min(width, x.cols() - at);
            for (std::size_t r = 0; r < count; r += depth) {
                const auto tile = run.rows_from(r, std::min(depth, count - r)).cols_from(at, columns);
                detail::add_columns(tile, abs_sum, at, [](float v) { return std::fabs(v); });
                detail::add_columns(tile, square_sum, at, [](float v) { return v * v; });
            }
        });
        if (!gram.empty()) add_gram<Product>(how, run, scratch);
        tokens += count;
    });
    return {};
}

inline status activation_stats::merge(const activation_stats& other) noexcept
{
    if (abs_sum.size() != other.abs_sum.size() || square_sum.size() != other.square_sum.size() ||
        gram.cols() != other.gram.cols())
        return error{error_code::shape_mismatch, "activation statistics of different shapes"};
    for (std::size_t i = 0; i < abs_sum.size(); ++i) abs_sum[i] += other.abs_sum[i];
    for (std::size_t i = 0; i < square_sum.size(); ++i) square_sum[i] += other.square_sum[i];
    for (std::size_t r = 0; r < gram.rows(); ++r)
        for (std::size_t c = 0; c < gram.cols(); ++c) gram(r, c) += other.gram(r, c);
    tokens += other.tokens;
    return {};
}

} // namespace awq

#endif
