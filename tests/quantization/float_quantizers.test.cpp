// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/fp4_quantizer.hpp>
#include <awq/quantization/fp8_quantizer.hpp>
#include <awq/quantization/pseudo_quantize.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using awq::e2m1;
using awq::e4m3;
using awq::fp4_kind;
using awq::fp4_quantizer;
using awq::fp8_quantizer;

namespace {

std::vector<float> ramp(std::size_t count)
{
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = 0.01f * static_cast<float>(static_cast<int>(i * 37 % 101) - 50);
    return values;
}

} // namespace

TEST_CASE("every pattern of the small floats is its number's nearest, and rounds to itself")
{
    for (int bits = 0; bits < 256; ++bits) {
        if ((bits & 127) == 127) continue; // NaN
        const auto pattern = static_cast<std::uint8_t>(bits);
        const float number = awq::number_of<e4m3>(pattern);
        const int exponent = (bits >> 3) & 15, mantissa = bits & 7;
        const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                              : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
        CHECK(number == (bits < 128 ? magnitude : -magnitude));
        CHECK(std::signbit(number) == (bits >= 128));
        CHECK(awq::pattern_of<e4m3>(number) == pattern);
        CHECK(awq::round_to<e4m3>(number) == number);
    }
    constexpr float numbers[] = {0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};
    for (std::uint8_t i = 0; i < 8; ++i) {
        CHECK(awq::number_of<e2m1>(i) == numbers[i]);
        CHECK(awq::number_of<e2m1>(static_cast<std::uint8_t>(i | 8)) == -numbers[i]);
        CHECK(awq::pattern_of<e2m1>(numbers[i]) == i);
        CHECK(awq::pattern_of<e2m1>(-numbers[i]) == (i | 8));
    }
}

TEST_CASE("FP8 ties go to the even pattern")
{
    for (int bits = 0; bits < 126; ++bits) {
        const auto pattern = static_cast<std::uint8_t>(bits);
        const auto above = static_cast<std::uint8_t>(bits + 1);
        const float number = awq::number_of<e4m3>(pattern), next = awq::number_of<e4m3>(above);
        const auto even = bits % 2 == 0 ? pattern : above;
        CHECK(awq::pattern_of<e4m3>((number + next) / 2) == even);
        CHECK(awq::pattern_of<e4m3>(-(number + next) / 2) == (even | 0x80));
        CHECK(awq::pattern_of<e4m3>(number * 1.0001f) == pattern);
    }
    CHECK(awq::pattern_of<e4m3>(0x1p-11f) == 0);
    CHECK(awq::pattern_of<e4m3>(-1e30f) == 0xFE);
}

TEST_CASE("FP4 ties go to the even pattern, and what is too large becomes 6")
{
    constexpr float ties[][2] = {{0.25f, 0.0f}, {0.75f, 1.0f}, {1.25f, 1.0f}, {1.75f, 2.0f},
                                 {2.5f, 2.0f},  {3.5f, 4.0f},  {5.0f, 4.0f}};
    for (const auto& [x, expected] : ties) {
        CHECK(awq::round_to<e2m1>(x) == expected);
        CHECK(awq::round_to<e2m1>(-x) == -expected);
        CHECK(awq::round_to<e2m1>(std::nextafter(x, 9.0f)) >= expected);
        CHECK(awq::round_to<e2m1>(std::nextafter(x, 0.0f)) <= expected);
    }
    CHECK(awq::round_to<e2m1>(1e30f) == 6.0f);
    CHECK(awq::round_to<e2m1>(-std::numeric_limits<float>::infinity()) == -6.0f);
    CHECK(awq::round_to<e4m3>(1e9f) == 448.0f);
    CHECK(std::isnan(awq::round_to<e4m3>(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("MXFP4 scales are powers of two that map the largest weight below 8")
{
    const fp4_quantizer format{fp4_kind::mxfp4};
    CHECK(format.fit_group(std::vector{1.0f}, {}).value == 0.25f);
    CHECK(format.fit_group(std::vector{-1.74f}, {}).value == 0.25f);
    CHECK(format.fit_group(std::vector{1.75f}, {}).value == 0.5f);
    CHECK(format.fit_group(std::vector{0.0f, -0.0f}, {}).pattern == 0);
    CHECK(format.fit_group(std::vector{4.0f}, {}).pattern == 127);
}

TEST_CASE("NVFP4 finds its tensor's scale by the largest of all rows, or is given one")
{
    const auto weights = ramp(4 * 32);
    const awq::matrix_view<const float> rows{weights.data(), 4, 32};
    const fp4_quantizer alone{fp4_kind::nvfp4};
    const fp4_quantizer given = alone.for_magnitude(fp4_quantizer::magnitude_of(rows));
    CHECK(given.global_scale == Approx(2688.0f / 0.5f));
    CHECK(given.row_block() == 1);
    CHECK(alone.row_block() > 4);
    std::vector<float> a(weights.size()), b(weights.size());
    const awq::serial_execution how;
    REQUIRE(awq::pseudo_quantize(how, alone, rows, {}, {a.data(), 4, 32}));
    REQUIRE(awq::pseudo_quantize(how, given, rows, {}, {b.data(), 4, 32}));
    CHECK(a == b);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - weights[i]) <= 0.5f / 6 + 1e-3f);
}

TEST_CASE("zero and all-equal groups have exact codes and no NaN")
{
    for (const fp4_kind kind : {fp4_kind::nvfp4, fp4_kind::mxfp4}) {
        std::vector<float> weights(64, 0.0f), out(64);
        std::fill(weights.begin() + 32, weights.end(), -0.5f);
        const fp4_quantizer format = fp4_quantizer{kind}.for_magnitude(0.5f);
        format.pseudo_quantize({weights.data(), 2, 32}, {}, {out.data(), 2, 32});
        CHECK(out == weights);
        const std::vector<float> zeros(64, 0.0f);
        fp4_quantizer{kind}.pseudo_quantize({zeros.data(), 2, 32}, {}, {out.data(), 2, 32});
        CHECK(out == zeros);
    }
    for (const std::size_t block : {1, 128}) {
        const fp8_quantizer format{block, block == 1 ? 0u : 128u};
        const std::vector<float> zeros(64, 0.0f), equal(64, 0.25f);
        std::vector<float> out(64);
        format.pseudo_quantize({zeros.data(), 2, 32}, {}, {out.data(), 2, 32});
        CHECK(out == zeros);
        format.pseudo_quantize({equal.data(), 2, 32}, {}, {out.data(), 2, 32});
        for (const float each : out) CHECK(each == Approx(0.25f).epsilon(1e-6));
    }
}

TEST_CASE("clipping never makes a group's weighted error larger")
{
    const auto weights = ramp(128);
    std::vector<float> importance(128);
    for (std::size_t i = 0; i < importance.size(); ++i) importance[i] = 0.1f + static_cast<float>(i * 13 % 7);
    const awq::matrix_view<const float> rows{weights.data(), 1, 128};
    const auto error_of = [&](const auto& format) {
        std::vector<float> out(128);
        format.pseudo_quantize(rows, importance, {out.data(), 1, 128});
        double sum = 0;
        for (std::size_t i = 0; i < out.size(); ++i) sum += importance[i] * std::pow(out[i] - weights[i], 2.0f);
        return sum;
    };
    fp4_quantizer fp4{fp4_kind::nvfp4, awq::dtype::f32, 5376.0f};
    fp8_quantizer fp8;
    const double whole4 = error_of(fp4), whole8 = error_of(fp8);
    fp4.clip_steps = fp8.clip_steps = 20;
    CHECK(error_of(fp4) < whole4);
    CHECK(error_of(fp8) <= whole8);
}

TEST_CASE("shapes that FP4 cannot take are refused, FP8 blocks may be cut")
{
    CHECK(fp4_quantizer{fp4_kind::nvfp4}.check(48));
    CHECK_FALSE(fp4_quantizer{fp4_kind::nvfp4}.check(40));
    CHECK_FALSE(fp4_quantizer{fp4_kind::mxfp4}.check(48));
    CHECK_FALSE(fp4_quantizer{fp4_kind::mxfp4}.check(0));
    const fp8_quantizer blocks{128, 128};
    CHECK(blocks.check(130));
    CHECK(blocks.groups(130) == 2);
    const auto weights = ramp(3 * 130);
    std::vector<float> out(weights.size());
    blocks.pseudo_quantize({weights.data(), 3, 130}, {}, {out.data(), 3, 130});
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(std::abs(out[i] - weights[i]) <= 0.02f);
}
