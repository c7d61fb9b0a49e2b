// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/serial_execution.hpp>
#include <awq/smoothing/apply_scales.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace {

constexpr awq::serial_execution serial;
using awq::smooth_target;
using small::linear;
using small::matrix;

// Half a float's last bit for each of two factors and for the sum's terms.
constexpr double rounding_level = 4e-7;

std::vector<double> some_scales(std::size_t count)
{
    std::vector<double> scales(count);
    for (std::size_t i = 0; i < count; ++i) scales[i] = std::exp2(std::sin(double(i) * 1.7) * 4.0);
    return scales;
}

matrix normed(const matrix& x, const std::vector<float>& weight, const std::vector<float>& bias, bool offset)
{
    matrix y = x;
    for (std::size_t t = 0; t < x.rows; ++t)
        for (std::size_t c = 0; c < x.cols; ++c)
            y(t, c) = static_cast<float>(double{x(t, c)} * ((offset ? 1.0 : 0.0) + double{weight[c]}) +
                                         (bias.empty() ? 0.0 : double{bias[c]}));
    return y;
}

} // namespace

TEST_CASE("norm to linears keeps the function, with a bias and with an offset")
{
    for (const bool offset : {false, true})
        for (const bool with_bias : {false, true}) {
            const matrix x = small::random(12, 32, 1);
            matrix norm = small::random(1, 32, 2, 0.3f), bias = small::random(1, 32, 3);
            matrix q = small::random(16, 32, 4), k = small::random(8, 32, 5);
            if (!with_bias) bias.values.clear();
            const matrix before = normed(x, norm.values, bias.values, offset);
            const matrix q_before = linear(before, q), k_before = linear(before, k);
            const awq::matrix_view<float> reads[2] = {q.view(), k.view()};
            REQUIRE(awq::apply_scales(serial, {smooth_target::of_norm(norm.values, bias.values, offset), reads},
                                      some_scales(32)));
            const matrix after = normed(x, norm.values, bias.values, offset);
            CHECK(small::difference(before, after) > 0.1);
            CHECK(small::difference(q_before, linear(after, q)) < rounding_level);
            CHECK(small::difference(k_before, linear(after, k)) < rounding_level);
        }
}

TEST_CASE("linear to linear keeps the function, with a bias")
{
    for (const bool with_bias : {false, true}) {
        const matrix x = small::random(12, 16, 1);
        matrix up = small::random(24, 16, 2), down = small::random(10, 24, 3);
        matrix bias = small::random(1, 24, 4);
        if (!with_bias) bias.values.clear();
        const matrix before = linear(linear(x, up, bias.values), down);
        const awq::matrix_view<float> reads[1] = {down.view()};
        REQUIRE(awq::apply_scales(serial, {smooth_target::of_linear(up.view(), bias.values), reads}, some_scales(24)));
        CHECK(small::difference(before, linear(linear(x, up, bias.values), down)) < rounding_level);
    }
}

TEST_CASE("of a fused layer only the last rows and their slice of the bias change")
{
    const matrix x = small::random(12, 16, 1);
    matrix fused = small::random(72, 16, 2), bias = small::random(1, 72, 4);
    matrix down = small::random(10, 24, 3);
    const matrix fused_before = fused, bias_before = bias;
    const auto last_part = [&] {
        const matrix y = linear(x, fused, bias.values);
        matrix part(12, 24);
        for (std::size_t t = 0; t < 12; ++t)
            for (std::size_t c = 0; c < 24; ++c) part(t, c) = y(t, 48 + c);
        return part;
    };
    const matrix before = linear(last_part(), down);
    const awq::matrix_view<float> reads[1] = {down.view()};
    REQUIRE(awq::apply_scales(serial, {smooth_target::of_linear(fused.view(), bias.values), reads}, some_scales(24)));
    CHECK(small::difference(before, linear(last_part(), down)) < rounding_level);
    for (std::size_t r = 0; r < 48; ++r) {
        CHECK(bias(0, r) == bias_before(0, r));
        for (std::size_t c = 0; c < 16; ++c) REQUIRE(fused(r, c) == fused_before(r, c));
    }
    CHECK(fused(50, 0) != fused_before(50, 0));
}

TEST_CASE("grouped heads share the scales of their kv head")
{
    // Two query heads of width 4 read one kv head: column j reads value channel j mod 4.
    const matrix x = small::random(9, 6, 1);
    matrix v = small::random(4, 6, 2), o = small::random(5, 8, 3);
    std::vector<std::uint32_t> shared(8);
    for (std::uint32_t c = 0; c < 8; ++c) shared[c] = c % 4;
    const auto out = [&] {
        const matrix values = linear(x, v);
        matrix repeated(9, 8);
        for (std::size_t t = 0; t < 9; ++t)
            for (std::size_t c = 0; c < 8; ++c) repeated(t, c) = values(t, c % 4);
        return linear(repeated, o);
    };
    const matrix before = out();
    const awq::matrix_view<float> reads[1] = {o.view()};
    REQUIRE(awq::apply_scales(serial, {smooth_target::of_linear(v.view()), reads, shared}, some_scales(4)));
    CHECK(small::difference(before, out()) < rounding_level);
}

TEST_CASE("scales of 1 change no bit, powers of two are exact")
{
    matrix up = small::random(24, 16, 2), down = small::random(10, 24, 3);
    const matrix up_before = up, down_before = down;
    const awq::matrix_view<float> reads[1] = {down.view()};
    const awq::mapping pair{smooth_target::of_linear(up.view()), reads};
    REQUIRE(awq::apply_scales(serial, pair, std::vector<double>(24, 1.0)));
    CHECK(up.values == up_before.values);
    CHECK(down.values == down_before.values);
    REQUIRE(awq::apply_scales(serial, pair, std::vector<double>(24, 4.0)));
    REQUIRE(awq::apply_scales(serial, pair, std::vector<double>(24, 0.25)));
    CHECK(up.values == up_before.values);
    CHECK(down.values == down_before.values);
}

TEST_CASE("scales that cannot be used change nothing")
{
    matrix up = small::random(4, 16, 2), down = small::random(10, 4, 3);
    const matrix up_before = up, down_before = down;
    const awq::matrix_view<float> reads[1] = {down.view()};
    const awq::mapping pair{smooth_target::of_linear(up.view()), reads};
    for (const double bad : {0.0, -1.0, double(NAN), double(INFINITY)}) {
        const auto refused = awq::apply_scales(serial, pair, std::vector<double>{1.0, 2.0, bad, 1.0});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == awq::error_code::invalid_argument);
    }
    CHECK_FALSE(awq::apply_scales(serial, pair, std::vector<double>(3, 1.0)));
    CHECK(up.values == up_before.values);
    CHECK(down.values == down_before.values);
}

TEST_CASE("scales divide the outputs that the target names, and no others")
{
    std::vector<float> smooth(6 * 2, 1.0f), bias(6, 1.0f), balance{1, 1, 1};
    const awq::matrix_view<float> balances[]{{balance.data(), 1, 3}};
    const std::uint32_t rows[]{1, 2, 5};
    auto target = smooth_target::of_linear({smooth.data(), 6, 2}, bias);
    target.rows = rows;
    const double scales[]{2.0, 4.0, 8.0};
    REQUIRE(awq::apply_scales(serial, {target, balances}, scales));
    CHECK(bias == std::vector<float>{1.0f, 0.5f, 0.25f, 1.0f, 1.0f, 0.125f});
    CHECK(smooth == std::vector<float>{1, 1, 0.5f, 0.5f, 0.25f, 0.25f, 1, 1, 1, 1, 0.125f, 0.125f});
    CHECK(balance == std::vector<float>{2, 4, 8});
    const std::uint32_t beyond[]{0, 1, 6};
    target.rows = beyond;
    CHECK_FALSE(awq::apply_scales(serial, {target, balances}, scales));
    target.rows = std::span{rows}.first(2);
    CHECK_FALSE(awq::apply_scales(serial, {target, balances}, scales));
}
