// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/text/pretokenizer.hpp>

#include <string>
#include <vector>

namespace {

using words = std::vector<std::string>;

words split(const std::string& json, std::string_view text)
{
    const auto document = awq::json::document::parse(json, "tokenizer.json").value();
    const auto pre = awq::pretokenizer::from_json(document.root()).value();
    awq::regex::scratch memory;
    words all;
    pre.for_each_word(text, true, memory,
                      [&](std::string_view word) -> awq::status {
                          all.emplace_back(word);
                          return {};
                      })
        .value();
    return all;
}

words split_by(const char* behavior, bool invert = false)
{
    return split(std::string{R"({"type":"Split","pattern":{"Regex":"-"},"behavior":")"} + behavior + R"(","invert":)" +
                     (invert ? "true}" : "false}"),
                 "the-final--countdown");
}

awq::error error_of(const std::string& json)
{
    const auto document = awq::json::document::parse(json, "tokenizer.json").value();
    const auto pre = awq::pretokenizer::from_json(document.root());
    REQUIRE_FALSE(pre);
    return pre.error();
}

} // namespace

TEST_CASE("The five behaviors of a split")
{
    CHECK(split_by("Isolated") == words{"the", "-", "final", "-", "-", "countdown"});
    CHECK(split_by("Removed") == words{"the", "final", "countdown"});
    CHECK(split_by("MergedWithPrevious") == words{"the-", "final-", "-", "countdown"});
    CHECK(split_by("MergedWithNext") == words{"the", "-final", "-", "-countdown"});
    CHECK(split_by("Contiguous") == words{"the", "-", "final", "--", "countdown"});
    CHECK(split_by("Removed", true) == words{"-", "-", "-"});
}

TEST_CASE("A string pattern is no regular expression")
{
    const auto dot = R"({"type":"Split","pattern":{"String":"."},"behavior":"Removed","invert":false})";
    CHECK(split(dot, "a.b") == words{"a", "b"});
}

TEST_CASE("Patterns mean what they mean to Oniguruma")
{
    const auto removed = [](std::string pattern, std::string_view text) {
        return split(R"({"type":"Split","pattern":{"Regex":")" + pattern + R"("},"behavior":"Removed","invert":false})",
                     text);
    };
    CHECK(removed(R"(\\s)", "a\u0085b\u180ec\u3000d") == words{"a", "b\u180ec", "d"});
    CHECK(removed(R"((?i:'s))", "x'\u017fy'Sz") == words{"x", "y", "z"});
    CHECK(removed(R"([^\\S\\n])", "a b\nc") == words{"a", "b\nc"});
    CHECK(removed(R"(\\h)", "xfy g") == words{"x", "y g"});
    CHECK(removed(R"(a{,2}b)", "xaabyb") == words{"x", "y"});
    CHECK(removed(R"(^x)", "x1\nx2") == words{"1\n", "2"});
    CHECK(removed(R"(\\u00e9)", "a\u00e9b") == words{"a", "b"});
    CHECK(removed(R"([]a])", "x]yaz") == words{"x", "y", "z"});
}

TEST_CASE("Byte-level words keep their bytes when nothing follows")
{
    const auto gpt2 = R"({"type":"ByteLevel","add_prefix_space":true,"use_regex":true})";
    CHECK(split(gpt2, "it's  \u00e9t\u00e9 12") == words{" it", "'s", " ", " \u00e9t\u00e9", " 12"});
    const auto both = R"({"type":"Sequence","pretokenizers":[
        {"type":"ByteLevel","add_prefix_space":false},{"type":"Digits","individual_digits":true}]})";
    CHECK(split(both, "a 12") == words{"a", "\u0120", "1", "2"});
}

TEST_CASE("Metaspace puts its character before the text")
{
    const auto with = [](std::string scheme, std::string split_field) {
        return R"({"type":"Metaspace","replacement":"\u2581","prepend_scheme":")" + scheme + R"(","split":)" +
               split_field + "}";
    };
    CHECK(split(with("always", "true"), "a b  c") == words{"\u2581a", "\u2581b", "\u2581", "\u2581c"});
    CHECK(split(with("never", "false"), "a b") == words{"a\u2581b"});
    CHECK(split(with("first", "false"), " a b") == words{"\u2581a\u2581b"});
    CHECK(split(R"({"type":"Metaspace","add_prefix_space":false})", "a b") == words{"a", "\u2581b"});
}

TEST_CASE("What cannot be done is one clear error")
{
    const auto split_on = [](std::string pattern) {
        return R"({"type":"Split","pattern":{"Regex":")" + pattern + R"("},"behavior":"Isolated","invert":false})";
    };
    CHECK(error_of(R"({"type":"UnicodeScripts"})").text() ==
          "tokenizer.json: the pre_tokenizer \"UnicodeScripts\" is not supported");
    CHECK(error_of(split_on("a(")).code() == awq::error_code::malformed_file);
    CHECK(error_of(split_on("[a&&b]")).code() == awq::error_code::unsupported);
    CHECK(error_of(split_on("[a[bc]]")).code() == awq::error_code::unsupported);
    CHECK(error_of(split_on(R"([\\W])")).code() == awq::error_code::unsupported);
    CHECK(error_of(split_on("(?m:a.b)")).code() == awq::error_code::unsupported);
    CHECK(error_of(split_on(R"(a\\)")).code() == awq::error_code::malformed_file);
    CHECK(error_of(split_on(std::string(300, '('))).code() == awq::error_code::malformed_file);
    CHECK(error_of(R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"Sideways"})").code() ==
          awq::error_code::unsupported);
    CHECK(error_of(R"({"type":"Sequence","pretokenizers":[{"type":"Split"}]})").text() ==
          "tokenizer.json: pretokenizers[0]: the field \"pattern\" is missing");
    CHECK(error_of(R"([])").code() == awq::error_code::malformed_file);
}

TEST_CASE("A hostile pattern ends in an error, not in hours")
{
    const auto compiled = awq::regex::compile("(a+)+$", "x").value();
    awq::regex::scratch memory;
    const std::string text = std::string(40, 'a') + "b";
    CHECK_FALSE(compiled.find(text, 0, memory));
}

TEST_CASE("Long runs match without running out of stack")
{
    const auto compiled = awq::regex::compile(awq::pretokenizer::gpt2_pattern, "x").value();
    awq::regex::scratch memory;
    for (const char each : {' ', 'a', '7', '-', '\n'}) {
        const auto found = compiled.find(std::string(3'000'000, each), 0, memory).value();
        REQUIRE(found);
        CHECK(found->end == 3'000'000);
    }
}
