// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_LEAST_SQUARES_TARGET_HPP
#define AWQ_QUANTIZATION_LEAST_SQUARES_TARGET_HPP

#include <awq/quantization/cholesky.hpp>

#include <cstddef>

namespace awq {

/// The Cholesky factor of gram + lambda diag(gram), in place of the lower triangle of `gram`; what is
/// above the diagonal stays. `panel`: in x cholesky_panel floats. False where the damped matrix is
/// not positive definite.
template <class Product, execution E>
[[nodiscard]] bool factor_damped_gram(const E& e, matrix_view<float> gram, float lambda,
                                      matrix_view<float> panel)
{
    double mean = 0;
    for (std::size_t i = 0; i < gram.rows(); ++i) mean += gram(i, i);
    mean /= static_cast<double>(gram.rows());
    for (std::size_t i = 0; i < gram.rows(); ++i) // a channel that is never active stays put
        gram(i, i) += lambda * gram(i, i) + static_cast<float>(1e-6 * mean);
    return factor_cholesky<Product>(e, gram, panel);
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
/// - `factor` (in, in): from `factor_damped_gram` of Xq^T Xq. `cross` (in, in): (X - Xq)^T Xq.
/// - `scratch`: out_features x in_features + out_features x cholesky_panel floats.
template <class Product, execution E>
void move_to_target(const E& e, matrix_view<float> weight, matrix_view<const float> factor,
                    matrix_view<const float> cross, float share, float* scratch)
{
    const matrix_view<float> update{scratch, weight.rows(), weight.cols()};
    const matrix_view<float> panel{scratch + update.size(), weight.rows(), cholesky_panel};
    Product::multiply_nn(e, weight, cross, update);
    solve_cholesky<Product>(e, factor, update, panel);
    e.for_each(weight.rows(), [=](std::size_t row) {
        for (std::size_t i = 0; i < weight.cols(); ++i) weight(row, i) += share * update(row, i);
    });
}

/// Both for one layer. `gram` (in, in): Xq^T Xq; its lower triangle is overwritten.
/// `scratch`: out_features x in_features + max(out, in) x cholesky_panel floats. False where the
/// damped Gram matrix is not positive definite; `weight` is then unchanged.
template <class Product, execution E>
[[nodiscard]] bool apply_least_squares_target(const E& e, matrix_view<float> weight,
                                              matrix_view<float> gram,
                                              matrix_view<const float> cross, float lambda,
                                              float share, float* scratch)
{
    const matrix_view<float> panel{scratch, gram.rows(), cholesky_panel};
    if (!factor_damped_gram<Product>(e, gram, lambda, panel)) return false;
    move_to_target<Product>(e, weight, gram, cross, share, scratch);
    return true;
}

} // namespace awq

#endif
