// SPDX-License-Identifier: MIT
#include <awq/support/result.hpp>

#include <catch.hpp>

#include <memory>
#include <string>
#include <type_traits>

namespace {

using owner = std::unique_ptr<int>;

// A result can be copied where its value can, and says so.
static_assert(std::is_copy_constructible_v<awq::result<int>>);
static_assert(std::is_copy_assignable_v<awq::result<std::string>>);
static_assert(!std::is_copy_constructible_v<awq::result<owner>>);
static_assert(!std::is_copy_assignable_v<awq::result<owner>>);
static_assert(!std::is_constructible_v<awq::result<owner>, const owner&>);
static_assert(std::is_move_constructible_v<awq::result<owner>>);
static_assert(std::is_move_assignable_v<awq::result<owner>>);

awq::status fail() { return awq::error{awq::error_code::unsupported, "type ", 7, " in ", std::string_view{"a.txt"}}; }

} // namespace

TEST_CASE("error: copies have the text, also over a longer and a shorter one")
{
    const awq::error first{awq::error_code::unsupported, "type ", 7};
    awq::error other{awq::error_code::file_exists, "a longer text than the other one has"};
    const awq::error copy = other;
    other = first;
    CHECK(other.text() == "type 7");
    CHECK(other.code() == awq::error_code::unsupported);
    CHECK(copy.text() == "a longer text than the other one has");
    const awq::error& same = other;
    other = same;
    CHECK(other.text() == "type 7");
    other = copy.within("x.txt");
    CHECK(other.text() == "x.txt: a longer text than the other one has");
}

TEST_CASE("error: a text that is too long is cut, and its copy too")
{
    const std::string text(3 * AWQ_ERROR_TEXT_SIZE, 'x');
    const awq::error cut{awq::error_code::malformed_file, text};
    CHECK(cut.text().size() == AWQ_ERROR_TEXT_SIZE);
    CHECK(awq::error{cut}.text() == cut.text());
}

TEST_CASE("result: values and errors move and are copied")
{
    awq::result<owner> held{std::make_unique<int>(3)};
    awq::result<owner> moved{std::move(held)};
    REQUIRE(moved);
    CHECK(**moved == 3);
    moved = awq::result<owner>{fail().error()};
    CHECK_FALSE(moved);
    CHECK(moved.error().text() == "type 7 in a.txt");
    awq::result<std::string> text{std::string(100, 'a')};
    const awq::result<std::string> copy = text;
    text = awq::result<std::string>{fail().error()};
    CHECK(copy->size() == 100);
    CHECK(awq::status{}.has_value());
    CHECK(awq::status{}.error().text().empty());
}
