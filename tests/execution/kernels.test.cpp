// SPDX-License-Identifier: MIT
#include <awq/execution/kernels/scalar.hpp>
#include <awq/execution/kernels/xsimd.hpp>

#include "catch.hpp"
#include "product_checks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace {

namespace scalar = awq::kernels::scalar;
namespace simd = awq::kernels::simd;

constexpr std::size_t sizes[] = {1, 3, 7, 8, 15, 16, 17, 31, 64, 100, 333};

void check_near(std::span<const float> values, std::span<const float> expected, double relative)
{
    REQUIRE(values.size() == expected.size());
    double largest = 0.0;
    for (const float value : expected) largest = std::max(largest, std::fabs(double{value}));
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!(std::fabs(double{values[i]} - expected[i]) <= relative * largest))
            FAIL("at " << i << " of " << values.size() << ": " << values[i] << " is not " << expected[i]);
}

// Runs both on copies of the same two inputs and compares the second, which is written.
template <class Scalar, class Simd>
void compare(double relative, const Scalar& reference, const Simd& fast)
{
    for (const std::size_t size : sizes) {
        auto a = random_values(size, 11);
        for (float& value : a) value *= 6.0f;
        auto expected = random_values(size, 12);
        auto found = expected;
        reference(std::span{a}, std::span{expected});
        fast(std::span{a}, std::span{found});
        check_near(found, expected, relative);
    }
}

} // namespace

TEST_CASE("column sums in SIMD registers have the reference's bits")
{
    for (const std::size_t rows : {1, 5, 8, 19}) {
        for (const std::size_t cols : sizes) {
            const auto values = random_values(rows * (cols + 2), 21);
            const awq::matrix_view<const float> x{values.data(), rows, cols, cols + 2};
            std::vector<double> expected(cols, 0.25), found(cols, 0.25);
            scalar::add_abs(x, expected);
            simd::add_abs(x, found);
            CHECK(found == expected);
            scalar::add_squares(x, expected);
            simd::add_squares(x, found);
            CHECK(found == expected);
        }
    }
}

TEST_CASE("element-by-element kernels in SIMD registers have the reference's bits")
{
    compare(
        0.0, [](auto a, auto b) { scalar::add(a, b); }, [](auto a, auto b) { simd::add(a, b); });
    compare(
        0.0, [](auto a, auto b) { scalar::multiply(a, b, b); }, [](auto a, auto b) { simd::multiply(a, b, b); });
    compare(
        0.0, [](auto a, auto b) { scalar::divide(b, a, b); }, [](auto a, auto b) { simd::divide(b, a, b); });
    compare(
        0.0, [](auto a, auto b) { scalar::scale(0.3f, a, b); }, [](auto a, auto b) { simd::scale(0.3f, a, b); });
}

TEST_CASE("min and max are exact in any order")
{
    for (const std::size_t size : sizes) {
        const auto values = random_values(size, 31);
        CHECK(simd::min_max(values).min == scalar::min_max(values).min);
        CHECK(simd::min_max(values).max == scalar::min_max(values).max);
    }
}

TEST_CASE("row sums agree with the reference within their rounding")
{
    for (const std::size_t size : sizes) {
        const auto a = random_values(size, 41);
        const auto b = random_values(size, 42);
        const double bound = 1.2e-7 * static_cast<double>(size);
        CHECK(simd::dot(a, b) == Approx(scalar::dot(a, b)).margin(bound));
        CHECK(simd::sum_of_squares(a) == Approx(scalar::sum_of_squares(a)).epsilon(1e-14));
    }
}

TEST_CASE("kernels that read each element once have the reference's bits, exp included")
{
    compare(
        0.0, [](auto a, auto b) { scalar::add_scaled(0.7f, a, b); },
        [](auto a, auto b) { simd::add_scaled(0.7f, a, b); });
    compare(
        0.0, [](auto a, auto b) { scalar::silu_multiply(a, b, b); },
        [](auto a, auto b) { simd::silu_multiply(a, b, b); });
    compare(
        0.0, [](auto a, auto b) { scalar::gelu_tanh_multiply(a, b, b); },
        [](auto a, auto b) { simd::gelu_tanh_multiply(a, b, b); });
}

TEST_CASE("kernels that sum along a row agree with the reference within a few ulp")
{
    compare(
        5e-7, [](auto a, auto b) { scalar::rms_norm(a, b, 1e-5f, b); },
        [](auto a, auto b) { simd::rms_norm(a, b, 1e-5f, b); });
    compare(
        5e-7, [](auto a, auto b) { scalar::rms_norm(a, b, 1e-5f, b, 1.0f); },
        [](auto a, auto b) { simd::rms_norm(a, b, 1e-5f, b, 1.0f); });
    compare(
        1e-6, [](auto, auto b) { scalar::softmax(5.0f, b); }, [](auto, auto b) { simd::softmax(5.0f, b); });
    compare(
        1e-6, [](auto, auto b) { scalar::softmax(-5.0f, b); }, [](auto, auto b) { simd::softmax(-5.0f, b); });
}

TEST_CASE("exp is within one unit in the last place")
{
    double worst = 0.0;
    for (float x = -87.33f; x < 88.72f; x += 0.00137f) {
        const double exact = std::exp(double{x});
        const double unit = std::ldexp(1.0, std::ilogb(static_cast<float>(exact)) - 23);
        worst = std::max(worst, std::fabs(awq::kernels::exponential(x) - exact) / unit);
    }
    CHECK(worst < 1.0);
    CHECK(worst > 0.5); // of the rounding alone, so the loop has looked
}

TEST_CASE("exp far out is zero or close to the largest float, and of NaN it is NaN")
{
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK(awq::kernels::exponential(0.0f) == 1.0f);
    CHECK(awq::kernels::exponential(-1e4f) == 0.0f);
    CHECK(awq::kernels::exponential(-infinity) == 0.0f);
    CHECK(awq::kernels::exponential(infinity) > 3.39e38f);
    std::vector<float> gate(40, std::numeric_limits<float>::quiet_NaN()), up(40, 1.0f);
    simd::silu_multiply(gate, up, up);
    for (const float value : up) CHECK(std::isnan(value));
}

TEST_CASE("softmax of far apart and of equal values is finite and sums to one")
{
    for (const std::size_t size : sizes) {
        std::vector<float> values(size, -3e38f);
        values[size / 2] = 1e4f;
        simd::softmax(1.0f, values);
        CHECK(values[size / 2] == 1.0f);
        std::vector<float> equal(size, 80.0f);
        simd::softmax(2.0f, equal);
        CHECK(equal[0] == Approx(1.0 / static_cast<double>(size)));
    }
}

TEST_CASE("silu of far negative and positive values stays finite")
{
    std::vector<float> gate(40, -2e4f);
    for (std::size_t i = 1; i < gate.size(); i += 2) gate[i] = 2e4f;
    const std::vector<float> up(40, 1.0f);
    simd::silu_multiply(gate, up, gate);
    for (std::size_t i = 0; i < gate.size(); ++i)
        CHECK(gate[i] == (i % 2 == 0 ? Approx(0.0f).margin(1e-30) : Approx(2e4f)));
}

TEST_CASE("gelu agrees with its definition and stays finite far out")
{
    std::vector<float> gate(48);
    for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = 0.25f * (static_cast<float>(i) - 24.0f);
    gate[0] = -2e4f, gate[1] = 2e4f;
    const std::vector<float> up(gate.size(), 2.0f);
    std::vector<float> out(gate.size());
    simd::gelu_tanh_multiply(gate, up, out);
    for (std::size_t i = 0; i < gate.size(); ++i) {
        const double x = gate[i];
        const double bent = std::tanh(0.79788456080286536 * (x + 0.044715 * x * x * x));
        CHECK(out[i] == Approx(x * (1.0 + bent)).margin(1e-6));
    }
}

TEST_CASE("rotation keeps lengths and agrees with the reference")
{
    for (const std::size_t size : sizes) {
        auto first = random_values(size, 51);
        auto second = random_values(size, 52);
        auto other_first = first;
        auto other_second = second;
        std::vector<float> cosines(size), sines(size);
        for (std::size_t i = 0; i < size; ++i) {
            cosines[i] = std::cos(static_cast<float>(i));
            sines[i] = std::sin(static_cast<float>(i));
        }
        scalar::rotate(cosines, sines, first, second);
        simd::rotate(cosines, sines, other_first, other_second);
        check_near(other_first, first, 2e-7);
        check_near(other_second, second, 2e-7);
    }
}
