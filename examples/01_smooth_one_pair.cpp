// SPDX-License-Identifier: MIT
// Smooths one pair of layers in memory: no files, no model knowledge.
//
//     y = down_proj(up_proj(x)), weights and activations in bf16, soon to be quantized to 4 bits
//
// The pair computes the same function afterwards but for the rounding to bf16, and quantizes better.
#include <awq/hosted.hpp>

#include <cmath>
#include <cstdio>
#include <random>

using backend = awq::xtensor_backend;
using matrix = backend::matrix;                    // xt::xtensor<float, 2>, (out_features, in_features)
using half_matrix = backend::matrix_of<awq::bf16>; // what an engine holds; a matrix_view of it does as well
using smoother = awq::modifier<awq::smoothing_only<awq::stored_as<awq::bf16, awq::w4a16_asym>>, awq::group_size<128>,
                               backend, awq::tbb_execution>;

namespace {

half_matrix random_matrix(std::size_t rows, std::size_t cols, unsigned seed)
{
    half_matrix made = backend::make<awq::bf16>(rows, cols);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    for (awq::bf16& value : made) value = awq::bf16{normal(generator) / std::sqrt(static_cast<float>(cols))};
    return made;
}

matrix widened(const half_matrix& from)
{
    matrix wide = backend::make(from.shape(0), from.shape(1));
    awq::widen(awq::tbb_execution{}, backend::view(from), backend::view(wide));
    return wide;
}

matrix linear(const matrix& x, const matrix& weight)
{
    matrix y = backend::make(x.shape(0), weight.shape(0));
    awq::packed_product::multiply_nt(awq::tbb_execution{}, backend::view(x), backend::view(weight), backend::view(y));
    return y;
}

// Mean squared difference, relative to the mean square of what is expected.
double error_of(const matrix& expected, const matrix& y)
{
    const matrix zeros = xt::zeros_like(expected);
    const auto mean = [](const matrix& a, const matrix& b) {
        return awq::output_error(awq::tbb_execution{}, backend::view(a), backend::view(b)).mean();
    };
    return mean(expected, y) / mean(expected, zeros);
}

// That of the pair with its second layer rounded to 4 bits.
double error_when_rounded(const smoother& how, const matrix& x, const half_matrix& up_proj,
                          const half_matrix& down_proj, const matrix& expected)
{
    matrix rounded = widened(down_proj);
    how.target().pseudo_quantize(backend::view(rounded), {}, backend::view(rounded));
    return error_of(expected, linear(linear(x, widened(up_proj)), rounded));
}

} // namespace

int main()
{
    const matrix x = widened(random_matrix(2048, 256, 1));
    half_matrix up_proj = random_matrix(512, 256, 2), down_proj = random_matrix(256, 512, 3);
    for (std::size_t row = 5; row < 512; row += 64) // a few channels are loud, as in trained models
        for (std::size_t col = 0; col < 256; ++col)
            up_proj(row, col) = awq::bf16{static_cast<float>(up_proj(row, col)) * 40.0f};

    const smoother how{{.n_grid = 20, .duo_scaling = awq::duo::on}};
    const matrix hidden = linear(x, widened(up_proj)), expected = linear(hidden, widened(down_proj));
    half_matrix samples = backend::make<awq::bf16>(2048, 512); // what down_proj reads, (tokens, in_features)
    for (std::size_t i = 0; i < samples.size(); ++i) samples.data()[i] = awq::bf16{hidden.data()[i]};
    const double before = error_when_rounded(how, x, up_proj, down_proj, expected);

    const auto outcome =
        how.smooth(awq::smooth_layer{up_proj}, awq::balance_layers{down_proj}, awq::activations{samples});
    if (!outcome) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(outcome.error().text().size()), outcome.error().text().data());
        return 1;
    }

    const double change = error_of(expected, linear(linear(x, widened(up_proj)), widened(down_proj)));
    const double after = error_when_rounded(how, x, up_proj, down_proj, expected);
    std::printf("best ratio                       %.3f%s\n", outcome->best_ratio,
                outcome->duo_scaling ? ", with duo scaling" : "");
    std::printf("the search's error, unsmoothed   %.3e\n", outcome->initial_error);
    std::printf("the search's error, smoothed     %.3e\n", outcome->best_error);
    std::printf("relative error in 4 bits         %.3e before, %.3e after\n", before, after);
    std::printf("change of the function itself    %.3e\n", change);
    return after < before && change < before / 100 ? 0 : 1;
}
