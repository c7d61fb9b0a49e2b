// SPDX-License-Identifier: MIT
#include <awq/io/json_reader.hpp>

#include "catch.hpp"
#include "scratch.hpp"

#include <array>
#include <string_view>

namespace {

/// "line:column", or "sound".
std::string place(std::string_view text)
{
    const auto found = awq::json::find_error_place(text);
    if (!found) return "sound";
    return std::to_string(found->line) + ":" + std::to_string(found->column);
}

} // namespace

TEST_CASE("a text that is not JSON has a line and a column")
{
    constexpr std::array<std::array<std::string_view, 2>, 16> cases{{
        {"", "1:1"},
        {"  \n ", "2:2"},
        {"{\"a\": 1,\n  \"b\" 2}", "2:7"},
        {"{\"a\": 1,}", "1:9"},
        {"[1, 2\n, nul]", "2:3"},
        {"[1, 2", "1:6"},
        {"{\"a\": [1, {\"b\": 2}}", "1:19"},
        {"{\"a\": \"open", "1:7"},
        {"{\"a\": \"x\\q\"}", "1:10"},
        {"{a: 1}", "1:2"},
        {"[01]", "1:3"},
        {"[1.]", "1:4"},
        {"[1e]", "1:4"},
        {"1 2", "1:3"},
        {"{\"a\": \"tab\there\"}", "1:11"},
        {"{\n\"a\":\n\n\n}", "5:1"},
    }};
    for (const auto& [text, wanted] : cases) {
        INFO(text);
        CHECK(place(text) == wanted);
        CHECK_FALSE(awq::json::document::parse(text, "x"));
    }
}

TEST_CASE("a text that is JSON is sound")
{
    for (const std::string_view text : {"0", "-1.5e+3", "\"\\u00e9\\n\"", "[]", "{}", "[[], {}]",
                                        "{\"a\": {\"b\": [true, null]}}", " \n{\"a\" : [1 , 2 ] , \"b\":\"\"} \n"}) {
        INFO(text);
        CHECK(place(text) == "sound");
        CHECK(awq::json::document::parse(text, "x"));
    }
    CHECK(place(std::string(100'000, '[') + std::string(100'000, ']')) == "sound"); // no recursion
}

TEST_CASE("the error of a file names line and column, that of a line of a file its column")
{
    const test::scratch room;
    const std::string path = room.put("config.json", "{\n  \"a\": 1,\n  \"b\": tru\n}\n");
    const auto loaded = awq::json::load(path);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().text().starts_with(path + ":3:8: not valid JSON: "));
    const auto one_line = awq::json::load(room.put("one.json", "{\"a\" 1}"));
    CHECK(test::says(one_line.error(), "one.json:1:6: not valid JSON: "));
    const auto line = awq::json::document::parse("{\"a\" 1}", "x.jsonl:7");
    CHECK(line.error().text().starts_with("x.jsonl:7: not valid JSON at column 6: "));
}

TEST_CASE("a Git LFS pointer is said to be one")
{
    const test::scratch room;
    const auto loaded = awq::json::load(
        room.put("tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n"));
    REQUIRE_FALSE(loaded);
    CHECK(test::says(loaded.error(), "tokenizer.json: is a Git LFS pointer"));
    CHECK(test::says(loaded.error(), "git lfs pull"));
}
