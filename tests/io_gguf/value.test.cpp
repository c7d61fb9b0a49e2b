// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/gguf/key_values.hpp>
#include <awq/io/gguf/value.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace awq;
using gguf::value;
using gguf::value_type;

TEST_CASE("the C++ type of a value is its type in the file")
{
    CHECK(value{true}.type() == value_type::boolean);
    CHECK(value{std::uint8_t{1}}.type() == value_type::u8);
    CHECK(value{std::int8_t{1}}.type() == value_type::i8);
    CHECK(value{std::uint16_t{1}}.type() == value_type::u16);
    CHECK(value{std::int16_t{1}}.type() == value_type::i16);
    CHECK(value{1u}.type() == value_type::u32);
    CHECK(value{1}.type() == value_type::i32);
    CHECK(value{std::uint64_t{1}}.type() == value_type::u64);
    CHECK(value{std::int64_t{1}}.type() == value_type::i64);
    CHECK(value{1.0f}.type() == value_type::f32);
    CHECK(value{1.0}.type() == value_type::f64);
    CHECK(value{"text"}.type() == value_type::string);
    CHECK(value{std::vector<bool>{true}}.view().element_type() == value_type::boolean);
}

TEST_CASE("values come back as they were given")
{
    CHECK(*value{true}.view().as_bool());
    CHECK(*value{7u}.view().as_integer<int>() == 7);
    CHECK(*value{-7}.view().as_real() == -7.0);
    CHECK(*value{0.1f}.view().as_real() == static_cast<double>(0.1f));
    CHECK(*value{std::string{"a\0b", 3}}.view().as_string() == std::string_view{"a\0b", 3});
    const std::vector<std::string> words{"x", "", "yz"};
    const value strings{words};
    const auto back = strings.view().as_strings();
    CHECK(std::vector<std::string>(back->begin(), back->end()) == words);
    CHECK(value{std::vector<std::string>{}}.view().as_strings()->empty());
    CHECK(*value{std::vector<bool>{true, false}}.view().as_numbers<int>() == std::vector<int>{1, 0});
    CHECK(*value{std::vector<float>{1, 2}}.view().as_numbers<float>() == std::vector<float>{1, 2});
    const value copied{strings.view()};
    CHECK(copied.view().as_strings()->size() == 3);
}

TEST_CASE("a value of another kind is an error, not a guess")
{
    CHECK_FALSE(value{1u}.view().as_bool());
    CHECK_FALSE(value{1u}.view().as_string());
    CHECK_FALSE(value{1u}.view().as_strings());
    CHECK_FALSE(value{1u}.view().as_numbers<int>());
    CHECK_FALSE(value{"1"}.view().as_real());
    CHECK_FALSE(value{"1"}.view().as_integer<int>());
    CHECK_FALSE(value{1.0f}.view().as_integer<int>());
    CHECK_FALSE(value{std::vector<float>{1}}.view().as_integer<int>());
    CHECK_FALSE(value{std::vector<float>{1}}.view().as_strings());
    CHECK_FALSE(value{std::vector<std::string>{"a"}}.view().as_numbers<float>());
    CHECK_FALSE(value{-1}.view().as_integer<unsigned>());
    CHECK_FALSE(value{std::uint64_t{1} << 40}.view().as_integer<std::uint32_t>());
    CHECK_FALSE(value{std::vector<int>{1, -1}}.view().as_numbers<unsigned>());
}

TEST_CASE("metadata keeps its order and replaces in place")
{
    gguf::key_values metadata;
    metadata.set("a", 1u);
    metadata.set("b", "x");
    metadata.set("a", 2u);
    REQUIRE(metadata.entries().size() == 2);
    CHECK(metadata.entries()[0].key == "a");
    CHECK(*metadata.find("a")->view().as_integer<int>() == 2);
    CHECK(metadata.find("c") == nullptr);
    metadata.erase("a");
    CHECK(metadata.entries().size() == 1);
}
