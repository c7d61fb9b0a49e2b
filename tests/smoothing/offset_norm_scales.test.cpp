// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/smoothing/offset_norm_scales.hpp>

#include <cmath>
#include <vector>

TEST_CASE("scales of a norm that adds 1 leave weights that 16 bits hold exactly")
{
    // Gains of nothing, of one step of bfloat16, small, usual, large, negative.
    const std::vector<float> before{-1.0f, -0.99609375f, -0.98f, -0.5f, 0.0f, 4.75f, 45.5f, -1.25f};
    std::vector<double> scales{0.004, 239.0, 100.0, 170.0, 201.0, 120.0, 90.0, 230.0};
    awq::adapt_to_offset_norm(before, scales);
    CHECK(scales[0] == 1.0);
    double logarithms = 0;
    for (std::size_t i = 1; i < scales.size(); ++i) {
        INFO(i);
        REQUIRE(scales[i] > 0.0);
        logarithms += std::log(scales[i]);
        const double gain = 1.0 + before[i];
        const auto after = static_cast<float>(gain / scales[i] - 1.0);
        CHECK(static_cast<float>(awq::bf16{after}) == after);
        CHECK((1.0 + after) * scales[i] == Approx(gain).epsilon(1e-12));
    }
    CHECK(std::abs(logarithms / 7) < 0.2);
}

TEST_CASE("scales of 1 stay, whatever the weights")
{
    std::vector<double> ones(3, 1.0);
    const std::vector<float> weight{-1.0f, -0.98046875f, 0.1234567f};
    awq::adapt_to_offset_norm(weight, ones);
    CHECK(ones == std::vector<double>(3, 1.0));
}

TEST_CASE("the scales of a weight in 16 bits are those of the same weight in float")
{
    const std::vector<awq::f16> weight{awq::f16{-0.5f}, awq::f16{0.1f}, awq::f16{3.0f}};
    std::vector<float> wide;
    for (const awq::f16 value : weight) wide.push_back(static_cast<float>(value));
    std::vector<double> scales{2.0, 0.7, 5.0}, expected = scales;
    awq::adapt_to_offset_norm<awq::f16>(weight, scales);
    awq::adapt_to_offset_norm(wide, expected);
    CHECK(scales == expected);
    CHECK(scales != std::vector<double>{2.0, 0.7, 5.0});
}
