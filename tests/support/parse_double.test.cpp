// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/support/parse_double.hpp>

#include <cmath>
#include <limits>
#include <string>

using awq::parse_double;

TEST_CASE("a number is read to the nearest double")
{
    CHECK(parse_double("0") == 0.0);
    CHECK(parse_double("-12.5e-1") == -1.25);
    CHECK(parse_double(".5") == 0.5);
    CHECK(parse_double("1.") == 1.0);
    CHECK(parse_double("0.1") == 0.1);
    CHECK(parse_double("9007199254740993") == 9007199254740992.0);
    CHECK(parse_double("9007199254740993." + std::string(1000, '0') + "1") == 9007199254740994.0);
    CHECK(parse_double("5e-324") == std::numeric_limits<double>::denorm_min());
    CHECK(std::signbit(*parse_double("-0.0")));
}

TEST_CASE("a number beyond the range is infinite or zero")
{
    CHECK(parse_double("1e999") == std::numeric_limits<double>::infinity());
    CHECK(parse_double("-1e99999999999999999999") == -std::numeric_limits<double>::infinity());
    CHECK(parse_double("1e-999") == 0.0);
    CHECK(parse_double("Infinity") == std::numeric_limits<double>::infinity());
    CHECK(parse_double("-inf") == -std::numeric_limits<double>::infinity());
    CHECK(std::isnan(*parse_double("nan")));
}

TEST_CASE("what is no number as a whole is none")
{
    using namespace std::string_literals;
    for (const std::string& text :
         {""s,    "-"s,     "--1"s,  "+1"s,     "-+1"s,    " 1"s, "- 1"s,  "1 "s,
          "\n1"s, "1\0"s,   "\0"s,   "0x10"s,   "-0X1p3"s, "1e"s, "1e+"s,  "."s,
          "1,5"s, "1_000"s, "infx"s, "nan(1)"s, "1e5.5"s,  "1f"s, "\xff"s, std::string(100000, '-')}) {
        INFO(text.substr(0, 10));
        CHECK_FALSE(parse_double(text));
    }
}
