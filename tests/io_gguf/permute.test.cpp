// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/gguf/permute.hpp>

#include <cstddef>
#include <numeric>
#include <tuple>
#include <vector>

using namespace awq;

TEST_CASE("rotary rows are paired up within each head")
{
    // Two heads of four rows: elements 0 and 2 of a head turn together, as do 1 and 3.
    const std::vector<int> bias{0, 1, 2, 3, 4, 5, 6, 7};
    std::vector<int> paired(8);
    REQUIRE(gguf::interleave_rotary_rows<int>(bias, paired, 8, 2));
    CHECK(paired == std::vector<int>{0, 2, 1, 3, 4, 6, 5, 7});
}

TEST_CASE("splitting undoes interleaving, for any width and content")
{
    const std::size_t heads = GENERATE(1u, 2u, 6u);
    const std::size_t head_dim = GENERATE(2u, 8u, 64u);
    const std::size_t width = GENERATE(1u, 3u, 34u);
    const std::size_t rows = heads * head_dim;
    std::vector<unsigned short> content(rows * width), paired(content.size()), back(content.size());
    std::iota(content.begin(), content.end(), static_cast<unsigned short>(0));
    REQUIRE(gguf::interleave_rotary_rows<unsigned short>(content, paired, rows, heads));
    REQUIRE(gguf::split_rotary_rows<unsigned short>(paired, back, rows, heads));
    CHECK(back == content);
    for (std::size_t row = 0; row < rows; ++row)
        CHECK(gguf::split_source(gguf::interleaved_source(row, head_dim), head_dim) == row);
}

TEST_CASE("rows that are no heads are refused")
{
    // rows, heads, values to write
    const auto [rows, heads, room] = GENERATE(table<std::size_t, std::size_t, std::size_t>(
        {{12, 0, 12}, {0, 1, 12}, {12, 5, 12}, {12, 4, 12}, {6, 1, 6}, {8, 2, 12}}));
    const std::vector<int> from(12);
    std::vector<int> to(room);
    CHECK_FALSE(gguf::interleave_rotary_rows<int>(from, to, rows, heads));
    CHECK_FALSE(gguf::split_rotary_rows<int>(from, to, rows, heads));
}
