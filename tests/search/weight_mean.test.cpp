// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/serial_execution.hpp>
#include <awq/search/weight_mean.hpp>

#include <vector>

TEST_CASE("w_mean of the golden weight")
{
    const small::matrix weight = small::golden_weight();
    std::vector<double> sums(16);
    awq::add_weight_magnitudes(awq::serial_execution{}, weight.view(), 8, awq::dtype::f32, sums);
    const std::vector<double> expected{.582416907, .542581752, .542581752, .582416907, .493131259, .531592771,
                                       .534340024, .493131265, .589285009, .520603798, .530219138, .565933401,
                                       .467032425, .535713628, .524724662, .508241171};
    for (std::size_t i = 0; i < 16; ++i) CHECK(sums[i] / 4.0 == Approx(expected[i]).epsilon(1e-7));
}

TEST_CASE("a column of zeros and a group of zeros have mean zero")
{
    small::matrix weight = small::golden_weight();
    for (std::size_t r = 0; r < 4; ++r)
        for (std::size_t c = 8; c < 16; ++c) weight(r, c) = 0.0f;
    std::vector<double> sums(16);
    awq::add_weight_magnitudes(awq::serial_execution{}, weight.view(), 8, awq::dtype::bf16, sums);
    CHECK(sums[8] == 0.0);
    CHECK(sums[0] > 0.0);
}
