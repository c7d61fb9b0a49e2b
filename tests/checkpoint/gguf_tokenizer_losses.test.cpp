// SPDX-License-Identifier: MIT
// What a tokenizer.json does and a GGUF file cannot hold is said by name.
#include "catch.hpp"
#include "io/scratch.hpp"

#include <awq/checkpoint/gguf_vocabulary.hpp>

namespace {

/// Makes a model directory's tokenizer files out of one of the test data's tokenizers.
void put_tokenizer(const test::scratch& room, const std::string& name, const std::string& settings = "{}")
{
    room.put("tokenizer.json", test::read(AWQ_TEST_DATA "/tokenizers/" + name + ".json"));
    room.put("tokenizer_config.json", settings);
    room.put("config.json", "{}");
}

void replace(const test::scratch& room, std::string_view from, std::string_view to)
{
    std::string text = test::read(room / "tokenizer.json");
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    room.put("tokenizer.json", text.replace(at, from.size(), to));
}

/// The notices, one a line.
std::string notices_of(const test::scratch& room, const std::string& pre = {})
{
    const auto tokens = awq::tokenizer::load(room / "tokenizer.json");
    if (!tokens) FAIL(tokens.error().text());
    awq::notice_list notices;
    const auto facts =
        awq::read_gguf_tokenizer(room.string(), static_cast<std::size_t>(tokens->vocab_size()), notices, pre);
    if (!facts) FAIL(facts.error().text());
    std::string text;
    for (const awq::notice& each : notices) text += awq::line_of(each) + "\n";
    return text;
}

const char* const llama_bos = R"({"bos_token": "<s>"})";

} // namespace

TEST_CASE("tokenizers that llama.cpp does alike give no notice")
{
    const test::scratch room;
    put_tokenizer(room, "llama2", llama_bos);
    CHECK(notices_of(room) == "");
    put_tokenizer(room, "gemma", R"({"bos_token": "<bos>"})");
    CHECK(notices_of(room) == "");
}

TEST_CASE("a normalizer of a byte-level tokenizer is warned about by its name")
{
    const test::scratch room;
    put_tokenizer(room, "qwen2");
    CHECK(notices_of(room) == "warning: tokenizer.json normalizes texts (NFC), llama.cpp does not: it "
                              "cuts those that this changes into other tokens\n");
}

TEST_CASE("normalizers and cuts beside those of a SentencePiece style vocabulary are warned about")
{
    const test::scratch room;
    put_tokenizer(room, "llama2", llama_bos);
    replace(room, "\"normalizers\":[",
            "\"normalizers\": [{\"type\": \"Lowercase\"}, {\"type\": "
            "\"NFKC\"}, ");
    replace(room, "\"pre_tokenizer\":null", "\"pre_tokenizer\": {\"type\": \"Digits\", \"individual_digits\": true}");
    const std::string said = notices_of(room);
    INFO(said);
    CHECK(said.find("warning: tokenizer.json normalizes texts (Lowercase, NFKC), ") == 0);
    CHECK(said.find("warning: tokenizer.json cuts texts before merging (Digits), ") != std::string::npos);
}

TEST_CASE("a token at an end of texts that is not the named one is warned about")
{
    const test::scratch room;
    put_tokenizer(room, "llama2"); // nothing says which token is bos
    CHECK(notices_of(room) == "warning: tokenizer.json puts <s> before every text; llama.cpp can put "
                              "only the bos token there\n");
}

TEST_CASE("tokenizer_config.json has the last word on tokens at the ends, and that is said")
{
    const test::scratch room;
    put_tokenizer(room, "llama2", R"({"bos_token": "<s>", "add_bos_token": false})");
    CHECK(notices_of(room) == "warning: tokenizer_config.json: add_bos_token is false, which the GGUF file follows; "
                              "tokenizer.json puts such a token\n");
    put_tokenizer(room, "llama2", R"({"bos_token": "<s>", "add_bos_token": true})");
    CHECK(notices_of(room) == "");
}

TEST_CASE("added tokens that swallow spaces are warned about")
{
    const test::scratch room;
    put_tokenizer(room, "llama2", llama_bos);
    replace(room, "\"lstrip\":false", "\"lstrip\": true");
    const std::string said = notices_of(room);
    INFO(said);
    CHECK(said.find("warning: 1 added tokens have lstrip, rstrip or single_word, which llama.cpp does "
                    "not do: ") == 0);
}

TEST_CASE("of several tokens that end an answer the others are named")
{
    const test::scratch room;
    put_tokenizer(room, "llama2", R"({"bos_token": "<s>", "eos_token": "</s>"})");
    room.put("config.json", R"({"eos_token_id": [2]})");
    CHECK(notices_of(room) == "");
    room.put("config.json", R"({"eos_token_id": [2, 5]})");
    const std::string said = notices_of(room);
    INFO(said);
    CHECK(said.find("the GGUF file names one token that ends an answer, </s>; of the model's others (") == 0);
    put_tokenizer(room, "llama2", llama_bos);
    room.put("config.json", R"({"eos_token_id": [2, 5]})");
    awq::notice_list notices;
    const auto facts = awq::read_gguf_tokenizer(room.string(), 1 << 16, notices);
    if (!facts) FAIL(facts.error().text());
    CHECK(facts->ids.eos == 2u); // the first of the list, where no text says which
}

TEST_CASE("a pre-tokenizer for a vocabulary that has none is refused")
{
    const test::scratch room;
    put_tokenizer(room, "llama2", llama_bos);
    awq::notice_list notices;
    const auto facts = awq::read_gguf_tokenizer(room.string(), 1 << 16, notices, "llama-bpe");
    REQUIRE_FALSE(facts);
    CHECK(test::says(facts.error(), "pre-tokenizer \"llama-bpe\": llama.cpp has none for a "
                                    "SentencePiece style vocabulary"));
}

TEST_CASE("a pre-tokenizer's name that is known to cut otherwise, or not known, is warned about")
{
    const test::scratch room;
    put_tokenizer(room, "llama3", R"({"bos_token": "<|begin_of_text|>"})");
    CHECK(notices_of(room, "llama3").find("pre-tokenizer") == std::string::npos);
    CHECK(notices_of(room, "qwen2").find("warning: pre-tokenizer \"qwen2\" cuts text otherwise") != std::string::npos);
    CHECK(notices_of(room, "dbrx")
              .find("warning: pre-tokenizer \"dbrx\" cuts as the model's "
                    "tokenizer.json does, but merges words that are tokens") != std::string::npos);
    CHECK(notices_of(room, "my-own").find("warning: pre-tokenizer \"my-own\" is not known here") != std::string::npos);
}

TEST_CASE("every chat template of a model goes into the file, under keys of llama.cpp's form")
{
    const test::scratch room;
    put_tokenizer(room, "llama2", R"({"bos_token": "<s>", "chat_template": [
        {"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"},
        {"name": "rag+v2", "template": "R"}, {"name": "rag v2", "template": "S"}]})");
    CHECK(notices_of(room) == "chat template \"rag+v2\" is \"rag_v2\" in the GGUF file\n"
                              "warning: chat template \"rag v2\" is left out of the GGUF file, where its name would be "
                              "that of another\n");
    awq::notice_list notices;
    const auto facts = awq::read_gguf_tokenizer(room.string(), 1 << 16, notices);
    if (!facts) FAIL(facts.error().text());
    CHECK(facts->chat_template == "D");
    awq::gguf::key_values keys;
    awq::gguf::append_tokenizer(keys, *facts);
    REQUIRE(keys.find("tokenizer.chat_template.tool_use"));
    CHECK(keys.find("tokenizer.chat_template.rag_v2"));
    CHECK(keys.find("tokenizer.chat_templates"));
}

TEST_CASE("chat_template.jinja goes before tokenizer_config.json, chat_template.json behind it")
{
    const test::scratch room;
    const auto chosen = [&] {
        awq::notice_list notices;
        const auto facts = awq::read_gguf_tokenizer(room.string(), 1 << 16, notices);
        if (!facts) FAIL(facts.error().text());
        return facts->chat_template;
    };
    put_tokenizer(room, "llama2", llama_bos);
    CHECK(chosen() == "");
    room.put("chat_template.json", R"({"chat_template": "processor's"})");
    CHECK(chosen() == "processor's");
    put_tokenizer(room, "llama2", R"({"bos_token": "<s>", "chat_template": "config's"})");
    CHECK(chosen() == "config's");
    room.put("chat_template.jinja", "file's");
    CHECK(chosen() == "file's");
}
