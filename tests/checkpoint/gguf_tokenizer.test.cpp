// SPDX-License-Identifier: MIT
#include "gguf_files.hpp"

#include <awq/checkpoint/gguf_tokenizer.hpp>
#include <awq/checkpoint/gguf_vocabulary.hpp>
#include <awq/run/open_model.hpp>

using test::says;

namespace {

const char* const texts[] = {"Hello, world! It's 2024.",
                             "  two  spaces\n\n\tand a tab ",
                             "na\xC3\xAFve caf\xC3\xA9 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80",
                             "for (int i = 0; i < 10; ++i) { x += 3.14159; }",
                             "",
                             "<|endoftext|> a <|endoftext|>"};

void check_same_ids(const awq::tokenizer& ours, const awq::tokenizer& wanted, bool special)
{
    for (const char* text : texts) {
        INFO(text);
        const auto a = ours.encode(text, special), b = wanted.encode(text, special);
        REQUIRE(a);
        REQUIRE(b);
        CHECK(*a == *b);
        CHECK(ours.decode(*a, false).value() == wanted.decode(*b, false).value());
    }
}

} // namespace

TEST_CASE("a GGUF file's tokenizer gives the directory's ids")
{
    const test::scratch room;
    const auto ours = awq::open_tokenizer(test::exported(test::tiny_model, room, "q8_0"));
    const auto wanted = awq::open_tokenizer(test::tiny_model);
    REQUIRE(ours);
    REQUIRE(wanted);
    check_same_ids(*ours, *wanted, true);
}

TEST_CASE("published kinds of tokenizers survive the way through a GGUF file")
{
    for (const char* name : {"llama3", "qwen2", "llama2"}) {
        INFO(name);
        const test::scratch room;
        const std::string from = std::string{AWQ_TEST_DATA "/tokenizers/"} + name + ".json";
        room.put("tokenizer.json", test::read(from));
        room.put("config.json", "{}");
        const auto wanted = awq::tokenizer::load(from);
        REQUIRE(wanted);
        const auto& before = wanted->post_processor().prefix();
        room.put("tokenizer_config.json",
                 before.empty() ? "{}" : "{\"bos_token\": \"" + std::string{*wanted->token(before[0])} + "\"}");
        awq::notice_list notices;
        const auto facts =
            awq::read_gguf_tokenizer(room.string(), static_cast<std::size_t>(wanted->vocab_size()), notices);
        if (!facts) FAIL(facts.error().text());
        const auto ours = awq::tokenizer_of(*facts, name);
        if (!ours) FAIL(ours.error().text());
        check_same_ids(*ours, *wanted, true);
    }
}

TEST_CASE("a tokenizer that cannot be expressed is refused")
{
    awq::gguf::tokenizer_facts facts;
    facts.tokens = {"a", "b"};
    facts.types.assign(2, awq::gguf::token_type::normal);
    facts.model = "bert";
    auto made = awq::tokenizer_of(facts, "m.gguf");
    REQUIRE_FALSE(made);
    CHECK(says(made.error(), "m.gguf: its tokenizer is a \"bert\""));
    facts.model = "gpt2";
    facts.pre = "unheard-of";
    made = awq::tokenizer_of(facts, "m.gguf");
    REQUIRE_FALSE(made);
    CHECK(says(made.error(), "unheard-of"));
    facts.model = "llama";
    made = awq::tokenizer_of(facts, "m.gguf");
    REQUIRE_FALSE(made);
    CHECK(says(made.error(), "scores"));
}
