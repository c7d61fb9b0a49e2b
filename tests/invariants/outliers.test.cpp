// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/modifier.hpp>

#include <algorithm>
#include <vector>

namespace {

using small::matrix;
using smoother = awq::modifier<awq::smoothing_only<>, awq::group_size<32>>;

// Error at the output of norm -> q, k with both linears rounded.
double rounded_error(const matrix& inputs, const matrix& expected_q, const matrix& expected_k, matrix q, matrix k)
{
    const smoother how;
    how.target().pseudo_quantize(q.view(), {}, q.view());
    how.target().pseudo_quantize(k.view(), {}, k.view());
    return small::mean_square_difference(expected_q, small::linear(inputs, q)) +
           small::mean_square_difference(expected_k, small::linear(inputs, k));
}

matrix scaled(const matrix& x, const matrix& norm)
{
    matrix y = x;
    for (std::size_t t = 0; t < x.rows; ++t)
        for (std::size_t c = 0; c < x.cols; ++c) y(t, c) *= norm(0, c);
    return y;
}

} // namespace

TEST_CASE("outlier channels put in without changing the function: the search takes most damage back")
{
    for (unsigned seed = 1; seed <= 8; ++seed) {
        const matrix x = small::random(256, 64, seed);
        matrix norm(1, 64), q = small::random(24, 64, seed + 50), k = small::random(24, 64, seed + 90);
        std::fill(norm.values.begin(), norm.values.end(), 1.0f);
        const matrix clean = scaled(x, norm);
        const matrix q_out = small::linear(clean, q), k_out = small::linear(clean, k);
        const double base = rounded_error(clean, q_out, k_out, q, k);

        for (std::size_t c = seed % 5; c < 64; c += 13) { // loud inputs, faint weights
            norm(0, c) *= 30.0f;
            for (std::size_t r = 0; r < 24; ++r) {
                q(r, c) /= 30.0f;
                k(r, c) /= 30.0f;
            }
        }
        const matrix loud = scaled(x, norm);
        const double damaged = rounded_error(loud, q_out, k_out, q, k);
        std::vector<float> memory(smoother{}.workspace_size(256, 64, 48));
        const auto found =
            smoother{}.smooth(awq::smooth_layer{std::span{norm.values}}, awq::balance_layers{q.view(), k.view()},
                              awq::activations{loud.view()}, awq::workspace{memory});
        REQUIRE(found);
        const double repaired = rounded_error(scaled(x, norm), q_out, k_out, q, k);
        INFO("seed " << seed << ": " << base << ", damaged " << damaged << ", repaired " << repaired);
        CHECK(damaged > 5.0 * base);
        CHECK(repaired - base < 0.1 * (damaged - base));
    }
}
