// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_LEAST_SQUARES_TARGET_HPP
#define AWQ_QUANTIZATION_LEAST_SQUARES_TARGET_HPP

#include <awq/quantization/cholesky.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace awq {

/// The Cholesky factor of gram + lambda diag(gram), in place of the lower triangle of `gram`; what is
/// above the diagonal stays. `scratch`: as `factor_cholesky`. False where the damped matrix is not positive definite.
template <class Product, execution E>
[[nodiscard]] bool factor_damped_gram(const E& e, matrix_view<float> gram, float lambda, std::span<float> scratch)
{
    double mean = 0;
    for (std::size_t i = 0; i < gram.rows(); ++i) mean += gram(i, i);
    mean /= static_cast<double>(gram.rows());
    for (std::size_t i = 0; i < gram.rows(); ++i) // a channel that is never active stays put
        gram(i, i) += lambda * gram(i, i) + static_cast<float>(1e-6 * mean);
    return factor_cholesky<Product>(e, gram, scratch);
}

/// weight += share update.
template <execution E>
void add_share(const E& e, matrix_view<float> weight, matrix_view<const float> update, float share)
{
    e.for_each(weight.rows(), [=](std::size_t row) {
        for (std::size_t i = 0; i < weight.cols(); ++i) weight(row, i) += share * update(row, i);
    });
}

/// Moves a weight to where it does best on the inputs that it will really get.
///
/// With X the original inputs and Xq those that the already quantized layers before it produce, the
/// target W* minimises ||X W^T - Xq W*^T||^2 + lambda ||(W* - W) D^(1/2)||^2, D = diag(Xq^T Xq):
/// W* = W + W (X - Xq)^T Xq (Xq^T Xq + lambda D)^-1.
/// `share`: how much of the way to W* is gone. Half generalises better than all of it, as the
/// difference X - Xq is known from the calibration text alone (Li et al. 2025, GPTAQ, take a quarter).
///
/// - `weight` (out_features, in_features): W in, W* out.
/// - `transfer` (in, in): (X - Xq)^T Xq (Xq^T Xq + lambda D)^-1, by `solve_cholesky` with the factor of
///   `factor_damped_gram`: the same for all layers that read X.
/// - `scratch`: a row of the weight or more floats, `cholesky_scratch(out_features)` for speed.
template <class Product, execution E>
void move_to_target(const E& e, matrix_view<float> weight, matrix_view<const float> transfer, float share,
                    std::span<float> scratch)
{
    const std::size_t most = std::max<std::size_t>(1, scratch.size() / weight.cols());
    for (std::size_t first = 0; first < weight.rows(); first += most) {
        const auto rows = weight.rows_from(first, std::min(most, weight.rows() - first));
        const matrix_view<float> update{scratch.data(), rows.rows(), rows.cols()};
        Product::multiply_nn(e, rows, transfer, update);
        add_share(e, rows, update, share);
    }
}

} // namespace awq

#endif
