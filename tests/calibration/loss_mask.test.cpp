// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/calibration/loss_mask.hpp>

#include <utility>
#include <vector>

TEST_CASE("runs of tokens that count")
{
    const std::vector<unsigned char> keep{1, 1, 0, 1, 0, 0, 1};
    const awq::loss_mask mask{keep};
    CHECK(mask.kept(7) == 4);
    CHECK(mask.kept(9) == 6); // past its end a mask keeps
    std::vector<std::pair<std::size_t, std::size_t>> runs;
    mask.for_each_run(7, [&](std::size_t first, std::size_t count) { runs.emplace_back(first, count); });
    CHECK(runs == std::vector<std::pair<std::size_t, std::size_t>>{{0, 2}, {3, 1}, {6, 1}});
}

TEST_CASE("the empty mask keeps everything")
{
    const awq::loss_mask mask;
    CHECK(mask.keeps(0));
    CHECK(mask.kept(5) == 5);
    int runs = 0;
    mask.for_each_run(5, [&](std::size_t, std::size_t count) { runs += count == 5 ? 1 : 100; });
    CHECK(runs == 1);
    mask.for_each_run(0, [&](std::size_t, std::size_t) { runs = -1; });
    CHECK(runs == 1);
}
