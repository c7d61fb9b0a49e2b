// SPDX-License-Identifier: MIT
// One's own backend (tensors), product (GEMM) and quantizer (format) in place of the library's.
#include <awq/core.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

using in = awq::matrix_view<const float>;
using out = awq::matrix_view<float>;

struct gemm : awq::plain_product { // what the engine does not have stays the reference
    static float dot(std::span<const float> a, std::span<const float> b)
    {
        return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f);
    }
    static void multiply_nt(const auto&, in a, in b, out c) // c = a b^T
    {
        for (std::size_t i = 0; i < c.rows(); ++i)
            for (std::size_t j = 0; j < c.cols(); ++j) c(i, j) = dot(a.row(i), b.row(j));
    }
};

struct tensor {
    std::size_t rows, cols;
    std::vector<float> values = std::vector<float>(rows * cols, 1.0f);
};

struct engine {
    using policy_axis = awq::axis::backend;
    using product = gemm;
    static out view(tensor& t) { return {t.values.data(), t.rows, t.cols}; }
    static in view(const tensor& t) { return {t.values.data(), t.rows, t.cols}; }
    static out view(out t) { return t; }
    static auto make_workspace(std::size_t floats) { return std::make_unique<float[]>(floats); }
};

struct five_levels { // a weight is -2, -1, 0, 1 or 2 times s, with one s for each row
    awq::status check(std::size_t) const { return {}; }
    std::size_t row_block() const { return 1; }
    std::size_t scale_columns(std::size_t in_features) const { return in_features; }
    void pseudo_quantize(in rows, std::span<const float>, out rounded) const
    {
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            float s = 1e-9f;
            for (float w : rows.row(r)) s = std::max(s, std::abs(w) / 2);
            for (std::size_t c = 0; c < rows.cols(); ++c) rounded(r, c) = std::round(rows(r, c) / s) * s;
        }
    }
};

int main()
{
    tensor up{64, 32}, down{16, 64}, x{40, 64};
    for (std::size_t i = 0; i < 16 * 64; ++i) down.values[i] = float(i * 37 % 101) / 50 - 1;
    for (std::size_t i = 0; i < 40 * 64; ++i) x.values[i] = float(i * 53 % 89) / 44 - 1;
    for (std::size_t t = 0; t < 40; ++t) x.values[t * 64 + 5] *= 20; // channel 5 is loud

    const awq::modifier<awq::smoothing_only<five_levels>, engine> how;
    const auto found = how.smooth(awq::smooth_layer{up}, awq::balance_layers{down}, awq::activations{x});
    if (!found) return 1; // found.error().text() says why
    std::printf("output error %.3g -> %.3g\n", found->initial_error, found->best_error);
}
// Prints:
// output error 2.84 -> 0.565
