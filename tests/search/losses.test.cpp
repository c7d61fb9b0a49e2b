// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/search/gram_loss.hpp>
#include <awq/search/output_loss.hpp>

#include <cmath>
#include <vector>

namespace {
constexpr awq::serial_execution serial;
using view = awq::matrix_view<const float>;
} // namespace

TEST_CASE("output error is the mean squared difference over the tokens that the mask keeps")
{
    const small::matrix a = small::random(5, 33, 1), b = small::random(5, 33, 2);
    CHECK(awq::output_error(serial, a.view(), b.view()).mean() == Approx(small::mean_square_difference(a, b)));
    const std::vector<unsigned char> keep{0, 1, 0, 0, 0};
    double sum = 0.0;
    for (std::size_t i = 0; i < 33; ++i) sum += std::pow(double{a(1, i)} - double{b(1, i)}, 2);
    const auto masked = awq::output_error(serial, a.view(), b.view(), awq::loss_mask{keep});
    CHECK(masked.count == 33);
    CHECK(masked.mean() == Approx(sum / 33));
    const std::vector<unsigned char> none(5, 0);
    CHECK(std::isnan(awq::output_error(serial, a.view(), b.view(), awq::loss_mask{none}).mean()));
}

TEST_CASE("Gram loss and output loss agree with the outputs themselves, in any workspace")
{
    const small::matrix x = small::random(40, 24, 3);
    const small::matrix w1 = small::random(7, 24, 4), w2 = small::random(5, 24, 5);
    const small::matrix c1 = small::random(7, 24, 6), c2 = small::random(5, 24, 7);
    const double direct = (small::mean_square_difference(small::linear(x, w1), small::linear(x, c1)) * 7 +
                           small::mean_square_difference(small::linear(x, w2), small::linear(x, c2)) * 5) /
                          12;
    small::matrix gram(24, 24);
    awq::plain_product::add_gram(serial, x.view(), gram.view());
    const view originals[2] = {w1.view(), w2.view()}, candidates[2] = {c1.view(), c2.view()};
    for (const std::size_t rows : {1, 3, 64}) {
        std::vector<float> gram_memory(rows * awq::gram_loss_workspace_size(24));
        const awq::gram_loss<awq::plain_product, awq::serial_execution> by_gram(serial, originals, gram.view(), 40,
                                                                                gram_memory);
        CHECK(by_gram(candidates) == Approx(direct).epsilon(1e-5));
        std::vector<float> output_memory(rows * awq::linear_output_loss_workspace_size(24, 40));
        const awq::linear_output_loss<awq::plain_product, awq::serial_execution> by_output(serial, originals, x.view(),
                                                                                           output_memory);
        CHECK(by_output(candidates) == Approx(direct).epsilon(1e-5));
    }
}

TEST_CASE("few inputs say what their Gram matrix says")
{
    const small::matrix x = small::random(9, 24, 3), w = small::random(7, 24, 4), c = small::random(7, 24, 6);
    small::matrix gram(24, 24);
    awq::plain_product::add_gram(serial, x.view(), gram.view());
    const view originals[1] = {w.view()}, candidates[1] = {c.view()};
    std::vector<float> memory(3 * awq::gram_loss_workspace_size(24));
    using loss_type = awq::gram_loss<awq::plain_product, awq::serial_execution>;
    loss_type by_gram(serial, originals, std::as_const(gram).view(), 9, memory);
    loss_type by_inputs(serial, originals, awq::gram_view::of_inputs(x.view()), 9, memory);
    const double expected = small::mean_square_difference(small::linear(x, w), small::linear(x, c));
    CHECK(by_gram(candidates) == Approx(expected).epsilon(1e-5));
    CHECK(by_inputs(candidates) == Approx(expected).epsilon(1e-5));
    double together = 0.0;
    by_inputs.begin(candidates, together);
    by_inputs.finish();
    CHECK(together == Approx(expected).epsilon(1e-5));
}

TEST_CASE("every second row estimates the whole")
{
    const small::matrix x = small::random(40, 24, 3);
    const small::matrix w = small::random(8, 24, 4), c = small::random(8, 24, 6);
    small::matrix gram(24, 24), half_w(4, 24), half_c(4, 24);
    awq::plain_product::add_gram(serial, x.view(), gram.view());
    const awq::row_sample half{8, 4};
    for (std::size_t r = 0; r < 4; ++r)
        for (std::size_t k = 0; k < 24; ++k) {
            half_w(r, k) = w(half.row(r), k);
            half_c(r, k) = c(half.row(r), k);
        }
    std::vector<float> memory(48);
    const auto error = [&](const small::matrix& a, const small::matrix& b, const awq::row_sample& rows) {
        return awq::gram_error<awq::plain_product>(serial, a.view(), b.view(), std::as_const(gram).view(), memory,
                                                   rows);
    };
    CHECK(error(w, c, half) == Approx(2.0 * error(half_w, half_c, awq::row_sample{4})));
}
