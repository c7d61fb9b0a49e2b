// SPDX-License-Identifier: MIT
// Smooths one pair of layers in memory: no files, no model knowledge.
//
//     y = down_proj(up_proj(x)), both in 16 or 32 bits, soon to be quantized to 4 bits
//
// The pair computes the same function afterwards, and quantizes better.
#include <awq/awq.hpp>

#include <cmath>
#include <cstdio>
#include <random>

using matrix = awq::xtensor_backend::matrix; // xt::xtensor<float, 2>, (out_features, in_features)
using smoother = awq::modifier<awq::smoothing_only<awq::w4a16_asym>, awq::group_size<128>,
                               awq::xtensor_backend, awq::tbb_execution>;

namespace {

matrix random_matrix(std::size_t rows, std::size_t cols, unsigned seed)
{
    matrix made = awq::xtensor_backend::make(rows, cols);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    for (float& value : made)
        value = normal(generator) / std::sqrt(static_cast<float>(cols));
    return made;
}

matrix linear(const matrix& x, const matrix& weight)
{
    using backend = awq::xtensor_backend;
    matrix y = backend::make(x.shape(0), weight.shape(0));
    awq::packed_product::multiply_nt(awq::tbb_execution{}, backend::view(x), backend::view(weight),
                                     backend::view(y));
    return y;
}

// Mean squared difference of what the rounded pair computes and `expected`.
double error_when_rounded(const smoother& how, const matrix& x, const matrix& up_proj,
                          matrix down_proj, const matrix& expected)
{
    using backend = awq::xtensor_backend;
    const auto weight = backend::view(down_proj);
    how.target().pseudo_quantize(weight, {}, weight);
    const matrix y = linear(linear(x, up_proj), down_proj);
    return awq::output_error(awq::tbb_execution{}, backend::view(expected), backend::view(y))
        .mean();
}

} // namespace

int main()
{
    const matrix x = random_matrix(2048, 256, 1);
    matrix up_proj = random_matrix(512, 256, 2), down_proj = random_matrix(256, 512, 3);
    for (std::size_t row = 5; row < 512; row += 64) // a few channels are loud, as in trained models
        for (std::size_t col = 0; col < 256; ++col)
            up_proj(row, col) *= 40.0f;

    const smoother how{{.n_grid = 20, .duo_scaling = awq::duo::on}};
    const matrix samples = linear(x, up_proj); // what down_proj reads, (tokens, in_features)
    const matrix expected = linear(samples, down_proj);
    const double before = error_when_rounded(how, x, up_proj, down_proj, expected);

    const auto outcome = how.smooth(awq::smooth_layer{up_proj}, awq::balance_layers{down_proj},
                                    awq::activations{samples});
    if (!outcome) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(outcome.error().text().size()),
                     outcome.error().text().data());
        return 1;
    }

    const matrix same = linear(linear(x, up_proj), down_proj);
    const double change =
        awq::output_error(awq::tbb_execution{}, awq::xtensor_backend::view(expected),
                          awq::xtensor_backend::view(same))
            .mean();
    const double after = error_when_rounded(how, x, up_proj, down_proj, expected);
    std::printf("best ratio                       %.3f%s\n", outcome->best_ratio,
                outcome->duo_scaling ? ", with duo scaling" : "");
    std::printf("error in 4 bits, unsmoothed      %.3e (the search says %.3e)\n", before,
                outcome->initial_error);
    std::printf("error in 4 bits, smoothed        %.3e (the search says %.3e)\n", after,
                outcome->best_error);
    std::printf("change of the function itself    %.3e\n", change);
    return after < before ? 0 : 1;
}
