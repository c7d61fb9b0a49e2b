// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/search/row_sample.hpp>

#include <set>
#include <vector>

using awq::row_sample;

namespace {

std::vector<std::size_t> rows_of(const row_sample& sample)
{
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < sample.size(); ++i) rows.push_back(sample.row(i));
    return rows;
}

} // namespace

TEST_CASE("without a limit, or with a large one, every row is in the sample")
{
    for (const row_sample sample : {row_sample{7}, row_sample{7, 7}, row_sample{7, 100, 3}, row_sample{7, 1, 50}})
        CHECK(rows_of(sample) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6});
    CHECK(row_sample{0}.size() == 0);
}

TEST_CASE("a sample has one row of each equal part")
{
    for (const std::size_t rows : {64, 100, 1023, 4096}) {
        const auto found = rows_of(row_sample{rows, 64});
        REQUIRE(found.size() == 64);
        for (std::size_t i = 0; i < 64; ++i) {
            CHECK(found[i] >= i * rows / 64);
            CHECK(found[i] < (i + 1) * rows / 64);
        }
    }
}

TEST_CASE("a sample meets all channels of heads, although they repeat as its parts do")
{
    std::set<std::size_t> channels;
    for (const std::size_t row : rows_of(row_sample{4096, 64})) channels.insert(row % 64);
    CHECK(channels.size() > 32);
}

TEST_CASE("rows that are rounded together are taken together")
{
    const row_sample sample{1000, 256, 128};
    REQUIRE(sample.blocks() == 2);
    for (std::size_t block = 0; block < 2; ++block) {
        CHECK(sample.first_of(block) % 128 == 0);
        CHECK(sample.rows_in(block) <= 128);
    }
    const row_sample whole{1000, 2000, 128}; // whose last block is short
    CHECK(whole.size() == 1000);
    CHECK(whole.row(999) == 999);
}
