// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/search/scale_grid.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

awq::scale_grid grid_of(awq::duo kind, std::size_t n = 20)
{
    awq::search_options options;
    options.n_grid = n;
    options.duo_scaling = kind;
    return awq::scale_grid{options};
}

std::vector<double> scales_of(awq::scale_candidate candidate, std::vector<float> x, std::vector<double> w = {})
{
    std::vector<double> scales(x.size());
    (void)awq::compute_scales(candidate, x, w, scales);
    return scales;
}

} // namespace

TEST_CASE("ratios and their order")
{
    const auto off = grid_of(awq::duo::off);
    REQUIRE(off.size() == 20);
    CHECK(off[0].ratio == 0.0);
    CHECK(off[3].ratio == 3.0 / 19.0);
    CHECK(off[19].ratio == 1.0);
    CHECK_FALSE(off[19].duo_scaling);

    const auto on = grid_of(awq::duo::on);
    REQUIRE(on.size() == 20);
    CHECK_FALSE(on[0].duo_scaling);
    CHECK(on[1].duo_scaling);
    CHECK(on[1].ratio == 0.0);
    CHECK(on[5].ratio == 4.0 / 18.0);
    CHECK(on[19].ratio == 1.0);

    const auto both = grid_of(awq::duo::both);
    REQUIRE(both.size() == 20);
    CHECK(both[4].ratio == 2.0 / 9.0);
    CHECK_FALSE(both[4].duo_scaling);
    CHECK(both[5].ratio == 2.0 / 9.0);
    CHECK(both[5].duo_scaling);
    CHECK(grid_of(awq::duo::both, 21).size() == 20);
}

TEST_CASE("the first candidate is identity, whatever the activations are")
{
    for (const awq::duo kind : {awq::duo::off, awq::duo::on, awq::duo::both})
        for (const double scale : scales_of(grid_of(kind)[0], {0.0f, 1e-30f, 3.0f, 1e30f})) CHECK(scale == 1.0);
}

TEST_CASE("a grid that would divide by zero is refused")
{
    CHECK_FALSE(grid_of(awq::duo::off, 1).check());
    CHECK(grid_of(awq::duo::off, 2).check());
    CHECK_FALSE(grid_of(awq::duo::on, 2).check());
    CHECK_FALSE(grid_of(awq::duo::both, 3).check());
    CHECK(grid_of(awq::duo::both, 4).check());
}

TEST_CASE("scales are clamped first and centred second")
{
    // 0 is clamped to 1e-4, so the centre is sqrt(4 * 1e-4) = 0.02.
    const auto scales = scales_of({1.0, false}, {0.0f, 4.0f, 1.0f});
    CHECK(scales[0] == Approx(0.005));
    CHECK(scales[1] == Approx(200.0));
    CHECK(scales[2] == Approx(50.0));
    CHECK(scales[0] * scales[1] == Approx(1.0));
}

TEST_CASE("the weights' magnitude divides with duo scaling")
{
    const auto scales = scales_of({0.5, true}, {4.0f, 4.0f}, {0.25, 1.0});
    CHECK(scales[0] / scales[1] == Approx((2.0 / 0.5001) / (2.0 / 1.0001)));
    CHECK(scales[0] * scales[1] == Approx(1.0));
}

TEST_CASE("infinite and undefined scales become 1")
{
    const float inf = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const double scale : scales_of({1.0, false}, {nan, 4.0f})) CHECK(scale == 1.0);
    std::vector<double> scales(2);
    const std::vector<float> x{inf, 4.0f};
    // inf / inf is patched, 4 / inf is 0: not a scale that can be used.
    CHECK_FALSE(awq::compute_scales({1.0, false}, x, {}, scales));
    CHECK(scales[0] == 1.0);
}
