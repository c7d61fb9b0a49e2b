// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/json_copy.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

using awq::json::document;
using awq::json::writer;

namespace {

template <class T>
std::string written(const T& content)
{
    writer out;
    out.value(content);
    return std::move(out).take();
}

std::string copied(const std::string& text, unsigned indent = 0)
{
    const auto parsed = document::parse(text, "test");
    REQUIRE(parsed);
    writer out{indent};
    awq::json::write(out, parsed->root());
    return std::move(out).take();
}

} // namespace

TEST_CASE("compact and indented layout")
{
    const auto fill = [](writer out) {
        out.begin_object().field("a", 1).key("b").begin_array().value(true).null().raw("{\"x\":0}");
        out.end_array().key("e").begin_object().end_object().key("l").begin_array().end_array();
        return std::move(out.end_object()).take();
    };
    CHECK(fill(writer{}) == R"({"a":1,"b":[true,null,{"x":0}],"e":{},"l":[]})");
    CHECK(fill(writer{2}) == "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null,\n    {\"x\":0}\n  "
                             "],\n  \"e\": {},\n  \"l\": []\n}");
}

TEST_CASE("strings are escaped, UTF-8 stays, invalid bytes become U+FFFD")
{
    CHECK(written("a\"b\\c\n\t\r\b\f\x01\x1F/") == R"("a\"b\\c\n\t\r\b\f\u0001\u001f/")");
    CHECK(written("\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80") == "\"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\"");
    CHECK(written("a\xFFz\xC3") == "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
    CHECK(written("\xED\xA0\x80") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    CHECK(written(std::string{"a\0b", 3}) == "\"a\\u0000b\"");
}

TEST_CASE("numbers")
{
    CHECK(written(0) == "0");
    CHECK(written(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(written(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(written(std::uint8_t{7}) == "7");
    CHECK(written(0.1) == "0.1");
    CHECK(written(0.1f) == "0.1");
    CHECK(written(500000.0) == "500000.0");
    CHECK(written(1e-5) == "1e-05");
    CHECK(written(1e30) == "1e+30");
    CHECK(written(-0.0) == "-0.0");
    CHECK(written(std::nan("")) == "null");
    CHECK(written(-std::numeric_limits<double>::infinity()) == "null");
}

TEST_CASE("doubles read back as the same bits")
{
    std::mt19937_64 random{7};
    for (int i = 0; i < 20000; ++i) {
        const double number = std::bit_cast<double>(random());
        if (!std::isfinite(number)) continue;
        const auto parsed = document::parse(written(number), "number");
        REQUIRE(parsed);
        REQUIRE(std::bit_cast<std::uint64_t>(*parsed->root().as_number()) == std::bit_cast<std::uint64_t>(number));
    }
}

TEST_CASE("a value that was read is written with its order and kinds kept")
{
    const std::string text = R"({"z":1,"a":[1.0,-3,18446744073709551615,"x\"",null,false],"m":{"e":1e-06}})";
    CHECK(copied(text) == text);
    CHECK(copied(copied(text, 2)) == text);
}
