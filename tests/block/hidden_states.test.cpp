// SPDX-License-Identifier: MIT
#include <awq/block/hidden_states.hpp>

#include "catch.hpp"
#include "device/machines.hpp"

#include <cmath>
#include <vector>

namespace {

using awq::hidden_states;

hidden_states some_states(std::size_t rows, std::size_t cols, awq::dtype type)
{
    hidden_states made{rows, cols, type};
    const auto fill = [](awq::matrix_view<float> values) -> awq::status {
        for (std::size_t i = 0; i < values.size(); ++i) values.data()[i] = std::sin(static_cast<float>(i)) * 3.0f;
        return {};
    };
    REQUIRE(made.with_rows(test::fast_machine(), 0, rows, true, fill));
    return made;
}

constexpr awq::dtype types[] = {awq::dtype::f32, awq::dtype::bf16};

std::vector<float> rows_of(hidden_states& states, std::size_t first, std::size_t count)
{
    std::vector<float> values;
    const auto read = [&](awq::matrix_view<float> rows) -> awq::status {
        values.assign(rows.data(), rows.data() + rows.size());
        return {};
    };
    REQUIRE(states.with_rows(test::fast_machine(), first, count, false, read));
    return values;
}

} // namespace

TEST_CASE("hidden states in bfloat16 are the nearest ones, and are what is worked with from then on")
{
    hidden_states exact = some_states(70, 9, awq::dtype::f32), small = some_states(70, 9, awq::dtype::bf16);
    CHECK(small.rows() == 70);
    CHECK(small.cols() == 9);
    CHECK(small.bytes().size() == 70 * 9 * 2);
    CHECK(exact.bytes().size() == 70 * 9 * 4);
    const auto a = rows_of(exact, 13, 40), b = rows_of(small, 13, 40);
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(b[i] == static_cast<float>(awq::bf16{a[i]}));
}

TEST_CASE("what is made of some rows is kept only where it should be, in either type")
{
    for (const awq::dtype type : types) {
        hidden_states states = some_states(50, 4, type);
        const auto before = rows_of(states, 0, 50);
        const auto write = [](awq::matrix_view<float> rows) -> awq::status {
            std::fill_n(rows.data(), rows.size(), 2.0f);
            return {};
        };
        REQUIRE(states.with_rows(test::fast_machine(), 20, 5, true, write));
        CHECK(rows_of(states, 20, 5) == std::vector<float>(20, 2.0f));
        const auto after = rows_of(states, 0, 50);
        CHECK(std::equal(before.begin(), before.begin() + 80, after.begin()));
        CHECK(std::equal(before.begin() + 100, before.end(), after.begin() + 100));
        const auto fail = [](awq::matrix_view<float>) -> awq::status {
            return awq::error{awq::error_code::invalid_argument, "no"};
        };
        CHECK_FALSE(states.with_rows(test::fast_machine(), 0, 50, true, fail));
        CHECK(rows_of(states, 0, 50) == after);
    }
}

TEST_CASE("a copy of hidden states is another stream with the same values")
{
    for (const awq::dtype type : types) {
        hidden_states states = some_states(600, 700, type); // more than one task's share
        hidden_states other = states.copy(test::fast_machine());
        CHECK(other.bytes().data() != states.bytes().data());
        CHECK(std::ranges::equal(other.bytes(), states.bytes()));
        CHECK(rows_of(other, 599, 1) == rows_of(states, 599, 1));
    }
}
