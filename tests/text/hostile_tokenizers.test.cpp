// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/text/tokenizer.hpp>

#include <string>
#include <string_view>

namespace {

std::string repeat(std::string_view what, std::size_t count)
{
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += what;
    return all;
}

// A tokenizer of a few letters with these members, and ids where they are wanted.
std::string file(std::string_view more, std::string_view vocabulary = R"({"a":0,"b":1," ":2})")
{
    std::string text = R"({"model":{"type":"BPE","merges":[],"vocab":)";
    return text.append(vocabulary).append("}").append(more).append("}");
}

// What reading the tokenizer, or else a text with it, says.
std::string error_of(const std::string& json, const std::string& text = "ab")
{
    const auto tokens = awq::tokenizer::from_json(json, "t.json");
    if (!tokens) return std::string{tokens.error().text()};
    const auto ids = tokens->encode(text, true);
    return ids ? "" : std::string{ids.error().text()};
}

std::string normalizer(std::string_view steps)
{
    return file(R"(,"normalizer":{"type":"Sequence","normalizers":[)" + std::string{steps} + "]}");
}

std::string splitter(std::string_view pattern)
{
    return file(R"(,"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":")" +
                std::string{pattern} + "\"}}");
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("Sequences in sequences, and more steps than a text should go through, are refused")
{
    const std::string open = R"({"type":"Sequence","normalizers":[)";
    const std::string close = "]}";
    CHECK(error_of(normalizer(repeat(open, 5) + R"({"type":"NFC"})" + repeat(close, 5))).empty());
    CHECK(has(error_of(normalizer(repeat(open, 200) + R"({"type":"NFC"})" + repeat(close, 200))),
              "sequences in more than 8 sequences"));
    std::string many = R"({"type":"NFC"})";
    many += repeat(R"(,{"type":"NFC"})", 50);
    CHECK(error_of(normalizer(many)).empty());
    CHECK(has(error_of(normalizer(many + repeat(R"(,{"type":"NFC"})", 50))), "more than 64 steps"));
    CHECK(has(error_of(file(R"(,"decoder":{"type":"Sequence","decoders":[)" + repeat(R"({"type":"Fuse"},)", 99) +
                            R"({"type":"Fuse"}]})")),
              "more than 64 steps"));
}

TEST_CASE("A text that a normalizer lets grow without limit is an error, before it is made")
{
    const std::string grow = R"({"type":"Replace","pattern":{"String":"a"},"content":")" + repeat("a", 1000) + "\"}";
    CHECK(has(error_of(normalizer(grow + ',' + grow + ',' + grow + ',' + grow)), "grow without limit"));
    CHECK(error_of(normalizer(grow)).empty());
    const std::string prepend = R"({"type":"Prepend","prepend":")" + repeat("b", 1000) + "\"}";
    CHECK(error_of(normalizer(prepend), repeat("ab", 1000)).empty());
    const auto decodes = awq::tokenizer::from_json(
        file(R"(,"decoder":{"type":"Sequence","decoders":[)" + grow + ',' + grow + ',' + grow + ',' + grow + "]}"),
        "t.json");
    REQUIRE(decodes);
    const std::int32_t ids[] = {0, 1};
    const auto text = decodes->decode(ids, false);
    REQUIRE_FALSE(text);
    CHECK(has(std::string{text.error().text()}, "grow without limit"));
}

TEST_CASE("A pattern that takes for ever on a text is an error, never no match")
{
    // Exponential from one place; quadratic over the text, with and without matches on the way.
    CHECK(has(error_of(splitter("(?:a|a|aa)+c"), repeat("a", 60) + "bc"), "pattern"));
    CHECK(has(error_of(splitter("(?:a|b|ab)*c"), repeat("ab", 4000) + "dc"), "pattern"));
    CHECK(has(error_of(splitter("a(?=(?:.|b)*c)"), repeat("a", 50'000)), "pattern"));
    CHECK(has(error_of(splitter("(?:a(?=(?:a|b)*$))"), repeat("a", 50'000)), "pattern"));
}

TEST_CASE("Long runs of one kind of character are matched as ever")
{
    const auto gpt2 = awq::tokenizer::from_json(
        file(R"(,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false})", R"({"a":0,"b":1,"\u0120":2})"),
        "t.json");
    REQUIRE(gpt2);
    for (const std::string_view run : {" ", "a", "ab", "a "}) {
        const std::string text = repeat(run, 300'000);
        const auto ids = gpt2->encode(text, false);
        REQUIRE(ids);
        CHECK(ids->size() == text.size());
    }
}

TEST_CASE("Runs of combining marks, which take a square of their length to order, are refused")
{
    CHECK(has(error_of(normalizer(R"({"type":"NFC"})"), "a" + repeat("\xCC\x81\xCC\xA3", 5000)),
              "combining marks in a row"));
    CHECK(error_of(normalizer(R"({"type":"NFC"})"), "a" + repeat("\xCC\x81\xCC\xA3", 50)).empty());
}

TEST_CASE("Added tokens that swallow white space do so in linear time")
{
    const std::string added = R"(,"added_tokens":[{"id":2,"content":" ","lstrip":true,)"
                              R"("rstrip":true,"special":true}])";
    const std::string text = error_of(file(added), repeat(" ", 300'000));
    CHECK((text.empty() || has(text, "too much of this text")));
    CHECK(has(error_of(file(R"(,"added_tokens":[{"id":3,"content":")" + repeat("x", 2000) + "\"}]")),
              "at most 1024 are allowed"));
}

TEST_CASE("Ids that are no ids are refused by name")
{
    for (const char* id : {"-1", "2147483648", "9223372036854775807", "4194304", "1.5", "\"1\""}) {
        CAPTURE(id);
        CHECK(has(error_of(file("", "{\"a\":" + std::string{id} + "}")), "t.json: model.vocab"));
        CHECK(has(error_of(file(",\"added_tokens\":[{\"content\":\"x\",\"id\":" + std::string{id} + "}]")),
                  "t.json: added_tokens[0]"));
    }
    CHECK(has(error_of(file("", R"({"a":0,"b":0})")), "belongs to two tokens"));
    CHECK(has(error_of(file(R"(,"added_tokens":[{"content":"x","id":1}])")), "belongs to the token"));
    CHECK(has(error_of(file(R"(,"post_processor":{"type":"RobertaProcessing","cls":["a",0],)"
                            R"("sep":["b",99]})")),
              "outside the vocabulary of 3"));
    CHECK(has(error_of(file(R"(,"post_processor":{"type":"RobertaProcessing","cls":["a",0],)"
                            R"("sep":["b",4294967296]})")),
              "outside the vocabulary of 3"));
}
