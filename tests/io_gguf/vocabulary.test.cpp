// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/gguf/vocabulary.hpp>

#include <string>
#include <vector>

using namespace awq;
using gguf::token_type;

namespace {

gguf::vocabulary byte_level()
{
    gguf::vocabulary from;
    from.size = 8;
    from.tokens = {{"a", 0}, {"b", 1}, {"ab", 2}, {"<pad>", 5}};
    from.merges = {{"a", "b"}, {"a b", "c"}};
    from.added = {{3, "<|end|>", true}, {4, "\u2581user\u2581", false}, {5, "<pad>", false}};
    from.pre = "gpt-2";
    return from;
}

gguf::vocabulary sentencepiece()
{
    gguf::vocabulary from;
    from.tokens = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
    for (std::uint32_t i = 0; i < 256; ++i) {
        char text[8];
        std::snprintf(text, sizeof text, "<0x%02X>", i);
        from.tokens.emplace_back(text, 3 + i);
    }
    for (const char* text : {"a", "b", "c", "bc", "ab", "\u2581", "orphan"})
        from.tokens.emplace_back(text, static_cast<std::uint32_t>(from.tokens.size()));
    from.size = from.tokens.size();
    from.merges = {{"b", "c"}, {"a", "b"}, {"ab", "c"}, {"a", "bc"}};
    from.added = {{0, "<unk>", true}, {1, "<s>", true}, {2, "</s>", true}};
    from.unknown_text = "<unk>";
    return from;
}

} // namespace

TEST_CASE("a byte-level vocabulary keeps its alphabet, added tokens are raw text")
{
    const auto facts = gguf::byte_level_facts(byte_level());
    REQUIRE(facts);
    CHECK(facts->model == "gpt2");
    CHECK(facts->pre == "gpt-2");
    CHECK(facts->tokens == std::vector<std::string>{"a", "b", "ab", "<|end|>", " user ", "<pad>", "[PAD6]", "[PAD7]"});
    CHECK(facts->types == std::vector<token_type>{token_type::normal, token_type::normal, token_type::normal,
                                                  token_type::control, token_type::user_defined, token_type::control,
                                                  token_type::unused, token_type::unused});
    CHECK(facts->merges == std::vector<std::string>{"a b", "a\u0120b c"});
    CHECK(facts->scores.empty());
}

TEST_CASE("special ids come from the added tokens, else from the config")
{
    auto from = byte_level();
    from.specials = {{"bos", "<|end|>", 1u}, {"eos", "b", 2u}, {"unk", "", 99u}, {"pad", "<pad>", {}}};
    const auto facts = gguf::byte_level_facts(from);
    REQUIRE(facts);
    CHECK(facts->ids.bos == 3u);
    CHECK(facts->ids.eos == 2u); // "b" is no added token
    CHECK_FALSE(facts->ids.unknown);
    CHECK(facts->ids.padding == 5u);
}

TEST_CASE("vocabularies that llama.cpp would die of are refused")
{
    auto beyond = byte_level();
    beyond.tokens.emplace_back("z", 8);
    CHECK(gguf::byte_level_facts(beyond).error().code() == error_code::malformed_file);
    auto twice = byte_level();
    twice.tokens.emplace_back("a", 6);
    CHECK(gguf::byte_level_facts(twice).error().code() == error_code::malformed_file);
    auto padding = byte_level();
    padding.tokens.emplace_back("[PAD7]", 6);
    CHECK_FALSE(gguf::byte_level_facts(padding));
}

TEST_CASE("SentencePiece scores follow the merges")
{
    const auto from = sentencepiece();
    const auto facts = gguf::sentencepiece_facts(from);
    REQUIRE(facts);
    CHECK(facts->model == "llama");
    CHECK(facts->pre == "default");
    const auto id = [&](std::string_view text) {
        for (const auto& [token, number] : from.tokens)
            if (token == text) return number;
        return ~0u;
    };
    CHECK(facts->types[id("<unk>")] == token_type::unknown);
    CHECK(facts->types[id("<s>")] == token_type::control);
    CHECK(facts->types[id("<0x0A>")] == token_type::byte);
    CHECK(facts->scores[id("bc")] > facts->scores[id("ab")]);
    CHECK(facts->scores[id("ab")] > facts->scores[id("orphan")]);
    CHECK(facts->scores[id("\u2581")] == 0);
    CHECK(facts->merges.empty());

    auto no_bytes = from;
    no_bytes.tokens[10].first = "<0xZZ>";
    CHECK(gguf::sentencepiece_facts(no_bytes).error().code() == error_code::unsupported);
}
