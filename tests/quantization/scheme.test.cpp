// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/quantization/scheme.hpp>

#include <string>

TEST_CASE("scheme names are read and written alike")
{
    for (int bits = 2; bits <= 8; ++bits)
        for (const bool symmetric : {false, true}) {
            const awq::scheme value{bits, symmetric};
            const auto parsed = awq::parse_scheme(awq::name_of(value));
            REQUIRE(parsed);
            CHECK(*parsed == value);
        }
    CHECK(*awq::parse_scheme("w4a16_asym") == awq::w4a16_asym::value);
    CHECK(awq::name_of(awq::w8a16::value) == "W8A16");
}

TEST_CASE("an unknown scheme is refused by name")
{
    const auto parsed = awq::parse_scheme("W9A16");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == awq::error_code::unsupported);
    CHECK(std::string(parsed.error().text()).find("W9A16") != std::string::npos);
    CHECK_FALSE(awq::parse_scheme("W4A16_ASYM "));
    CHECK_FALSE(awq::parse_scheme(""));
}

TEST_CASE("the range of codes")
{
    STATIC_REQUIRE(awq::w4a16::value.smallest() == -8.0f);
    STATIC_REQUIRE(awq::w4a16::value.largest() == 7.0f);
    STATIC_REQUIRE(awq::w8a16::value.width() == 255.0f);
}
