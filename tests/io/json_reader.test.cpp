// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch.hpp"
#include <awq/io/json_reader.hpp>

#include <utility>

using awq::error_code;
using awq::json::document;

namespace {

std::string text_of(const awq::error& error) { return std::string{error.text()}; }

} // namespace

TEST_CASE("JSON values are read by key, by index and by kind")
{
    const auto parsed =
        document::parse(R"({"a": {"b": [1, -2, 2.5]}, "s": "x\u00e9\n", "t": true, "n": null})", "c.json");
    REQUIRE(parsed);
    const awq::json::value root = parsed->root();
    CHECK(root.is_object());
    CHECK(root.members().size() == 4);
    const auto list = *root.at("a")->at("b");
    std::vector<double> numbers;
    for (const auto& each : list.elements()) numbers.push_back(*each.as_number());
    CHECK(numbers == std::vector<double>{1, -2, 2.5});
    CHECK(*root.at("s")->as_string() == "x\xC3\xA9\n");
    CHECK(*root.at("t")->as_bool());
    CHECK(root.find("n")->is_null());
    CHECK_FALSE(root.find_non_null("n"));
    CHECK_FALSE(root.find("absent"));
    CHECK_FALSE(list.find("a"));
    CHECK(list.members().empty());
    CHECK(root.elements().empty());
    std::string keys;
    for (const auto& [key, value] : root.members()) keys += key;
    CHECK(keys == "astn");
}

TEST_CASE("errors name the document, the path and both kinds")
{
    const auto parsed = document::parse(R"({"a": {"b": [1, {"c": "x"}]}, "big": 18446744073709551615})", "c.json");
    REQUIRE(parsed);
    const auto root = parsed->root();
    CHECK(text_of(root.at("zz").error()) == "c.json: the field \"zz\" is missing");
    CHECK(root.at("zz").error().code() == error_code::missing_field);
    CHECK(text_of(root.at("a")->as_string().error()) == "c.json: a: expected a string, found an object");
    auto at = root.at("a")->at("b")->elements().begin();
    CHECK(text_of((*at).as_bool().error()) == "c.json: a.b[0]: expected true or false, found an integer");
    ++at;
    CHECK(text_of((*at).at("c")->as_number().error()) == "c.json: ...b[1].c: expected a number, found a string");
    CHECK(*root.at("big")->as_unsigned() == 18446744073709551615u);
    CHECK(root.at("big")->as_integer().error().code() == error_code::malformed_file);
    CHECK_FALSE(root.at("a")->as_array());
    CHECK_FALSE((*at).as_array());
}

TEST_CASE("numbers keep their kind, and integers beyond 64 bits become floating-point numbers")
{
    const auto parsed = document::parse(
        R"({"i": 2, "f": 2.0, "neg": -1, "long": 1000000000000000019884624838656,
            "s": "1000000000000000019884624838656", "nl": -9999999999999999999})",
        "t.json");
    REQUIRE(parsed);
    const auto root = parsed->root();
    CHECK(root.at("i")->is_integer());
    CHECK(*root.at("i")->as_number() == 2.0);
    CHECK_FALSE(root.at("f")->is_integer());
    CHECK_FALSE(root.at("f")->as_integer());
    CHECK_FALSE(root.at("neg")->as_unsigned());
    CHECK(*root.at("long")->as_number() == 1e30);
    CHECK(*root.at("s")->as_string() == "1000000000000000019884624838656");
    CHECK(*root.at("nl")->as_number() == -1e19);
}

TEST_CASE("texts that are not JSON are refused")
{
    const std::string deep(5000, '[');
    const std::vector<std::string> texts{"",
                                         " ",
                                         "{",
                                         "}",
                                         "[1,]",
                                         "{\"a\":1}{",
                                         "{\"a\":1} x",
                                         "{\"a\":01}",
                                         "{\"a\":tru}",
                                         "{\"a\":1,}",
                                         "{a:1}",
                                         "\"\xFF\"",
                                         "\"\xED\xA0\x80\"",
                                         "\"\n\"",
                                         "\"\\x\"",
                                         "",
                                         "[1 2]",
                                         "nul",
                                         "1e999",
                                         deep,
                                         deep + std::string(5000, ']'),
                                         "{\"a\":1000000000000000019884624838656",
                                         "\"\\ud800\"x",
                                         std::string{"{\0}", 3}};
    for (const std::string& text : texts) {
        INFO(text.substr(0, 40));
        const auto parsed = document::parse(text, "bad.json");
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code() == error_code::malformed_file);
        CHECK(text_of(parsed.error()).starts_with("bad.json"));
        CHECK(text_of(parsed.error()).find(": not valid JSON") != std::string::npos);
        CHECK(text_of(parsed.error()).find('\n') == std::string::npos);
    }
}

TEST_CASE("a key that is there twice is found by check_unique_keys")
{
    const auto parsed = document::parse(R"({"m": {"a": 1, "b": 2, "\u0061": 3}, "n": {"a": {"a": 1}}})", "d");
    REQUIRE(parsed);
    const auto twice = parsed->root().at("m")->check_unique_keys();
    REQUIRE_FALSE(twice);
    CHECK(text_of(twice.error()) == "d: m: the key \"a\" is there twice");
    CHECK(parsed->root().at("n")->check_unique_keys());
}

TEST_CASE("a document can be moved without losing its values")
{
    auto parsed = document::parse(R"({"k": ["v"]})", "m");
    REQUIRE(parsed);
    const auto value = *parsed->root().at("k");
    const document moved = *std::move(parsed);
    for (const auto& each : value.elements()) CHECK(*each.as_string() == "v");
    CHECK(moved.root().members().size() == 1);
}

TEST_CASE("loading a file that is not there, or is a directory, is an error")
{
    const test::scratch scratch;
    CHECK(awq::json::load(scratch / "none.json").error().code() == error_code::file_not_found);
    CHECK(awq::json::load(scratch.string()).error().code() == error_code::file_unreadable);
    const auto loaded = awq::json::load(scratch.put("a.json", "{\"a\": [true]}"));
    REQUIRE(loaded);
    CHECK(loaded->root().at("a")->elements().size() == 1);
}
