// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/text/tokenizer.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace {

using ids = std::vector<std::int32_t>;

// A tokenizer with the letters a to d, "ab" and "abc"; `extra` members come behind the model.
std::string small_tokenizer(std::string_view vocabulary, std::string_view merges, std::string_view model_extra = "",
                            std::string_view extra = "")
{
    std::string text = R"({"version":"1.0","model":{"type":"BPE")";
    text.append(model_extra).append(R"(,"vocab":)").append(vocabulary);
    text.append(R"(,"merges":)").append(merges).append("}").append(extra).append("}");
    return text;
}

constexpr std::string_view letters = R"({"a":0,"b":1,"c":2,"d":3,"ab":4,"abc":5,"bc":6})";
constexpr std::string_view merges = R"(["b c",["a","b"],"ab c"])";

awq::tokenizer load(const std::string& text) { return awq::tokenizer::from_json(text, "t.json").value(); }

std::string error_text(const std::string& text)
{
    const auto loaded = awq::tokenizer::from_json(text, "t.json");
    REQUIRE_FALSE(loaded);
    return std::string{loaded.error().text()};
}

} // namespace

TEST_CASE("Merges go by rank, then from the left")
{
    const auto tokens = load(small_tokenizer(letters, merges));
    CHECK(*tokens.encode("abc", false) == ids{0, 6}); // "b c" comes before "a b"
    CHECK(*tokens.encode("abab", false) == ids{4, 4});
    CHECK(*tokens.encode("xabx", false) == ids{4});           // without an unknown token, dropped
    CHECK(tokens.decode(ids{0, 6}, false).value() == "a bc"); // without a decoder, spaces
    CHECK(tokens.vocab_size() == 7);
    CHECK(tokens.token(6) == "bc");
    CHECK(tokens.id("abc") == 5);
    CHECK_FALSE(tokens.token(7));
    CHECK_FALSE(tokens.token(-1));
    CHECK(tokens.kind() == awq::tokenizer_kind::sentencepiece);
}

TEST_CASE("A long word merges like a short one")
{
    const auto tokens = load(small_tokenizer(letters, merges));
    std::string text;
    ids expected;
    for (int i = 0; i < 5000; ++i) {
        text += "abcdab";
        expected.insert(expected.end(), {0, 6, 3, 4});
    }
    CHECK(*tokens.encode(text, false) == expected);
}

TEST_CASE("Unknown characters")
{
    const auto with = [](std::string_view extra) {
        return load(small_tokenizer(R"({"a":0,"<unk>":1,"<0xC3>":2,"<0xA9>":3})", "[]", extra));
    };
    CHECK(*with(R"(,"unk_token":"<unk>")").encode("axya", false) == ids{0, 1, 1, 0});
    CHECK(*with(R"(,"unk_token":"<unk>","fuse_unk":true)").encode("axya", false) == ids{0, 1, 0});
    CHECK(*with(R"(,"unk_token":"<unk>","byte_fallback":true)").encode("a\u00e9x", false) == ids{0, 2, 3, 1});
    const auto bytes = with(R"(,"unk_token":"<unk>","byte_fallback":true)");
    CHECK(bytes.type(1) == awq::token_type::unknown);
    CHECK(bytes.type(2) == awq::token_type::byte);
    CHECK(bytes.type(0) == awq::token_type::normal);
    CHECK(bytes.type(9) == awq::token_type::unused);
}

TEST_CASE("ignore_merges takes a whole word as it stands")
{
    CHECK(*load(small_tokenizer(letters, merges, R"(,"ignore_merges":true)")).encode("abc", false) == ids{5});
}

TEST_CASE("Added tokens may lie inside and beyond the vocabulary")
{
    const auto tokens =
        load(small_tokenizer(letters, merges, "", R"(,"added_tokens":[{"id":20,"content":"<s>","special":true},
        {"id":3,"content":"d","special":false,"normalized":false}],
        "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
        {"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[20],"tokens":["<s>"]}}})"));
    CHECK(tokens.vocab_size() == 21);
    CHECK(*tokens.encode("ad<s>b", true) == ids{20, 0, 3, 20, 1});
    CHECK(*tokens.encode("", true) == ids{20});
    CHECK(tokens.decode(ids{20, 0, 10}, true).value() == "a");
    CHECK(tokens.is_special(20));
    CHECK_FALSE(tokens.is_special(3));
    CHECK(tokens.type(20) == awq::token_type::control);
    CHECK(tokens.type(3) == awq::token_type::user_defined);
    CHECK(tokens.post_processor().prefix() == ids{20});
    CHECK(tokens.added_tokens().size() == 2);
}

TEST_CASE("A text that is no UTF-8 is refused")
{
    const auto tokens = load(small_tokenizer(letters, merges));
    const auto refused = tokens.encode("ab\xFF", false);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text() == "text: byte 2 is not valid UTF-8; convert the text to UTF-8 first");
}

TEST_CASE("Memory that is used again changes nothing")
{
    const auto tokens = load(small_tokenizer(letters, merges));
    awq::tokenizer::memory kept{1};
    for (int i = 0; i < 3; ++i) {
        CHECK(*tokens.encode("abab", false, kept) == ids{4, 4});
        CHECK(*tokens.encode("abc", false, kept) == ids{0, 6});
    }
}

TEST_CASE("A broken tokenizer.json is one clear error")
{
    CHECK(error_text("{}") == "t.json: the field \"model\" is missing");
    CHECK(error_text("{").starts_with("t.json: not valid JSON at column 2"));
    CHECK(error_text(R"({"model":{"type":"Unigram","vocab":[]}})") ==
          "t.json: model.type: the model \"Unigram\" is not supported; BPE is");
    CHECK(error_text(small_tokenizer(R"({"a":-1})", "[]")) ==
          "t.json: model.vocab: token \"a\": the id -1 is not in [0, 4194304)");
    CHECK(error_text(small_tokenizer(R"({"a":99999999})", "[]")).find("not in [0") != std::string::npos);
    CHECK(error_text(small_tokenizer(R"({"a":0,"b":0})", "[]")).find("belongs to two tokens") != std::string::npos);
    CHECK(error_text(small_tokenizer(R"({"a":0,"a":1})", "[]")).find("has two ids") != std::string::npos);
    CHECK(error_text(small_tokenizer(R"({"a":0.5})", "[]")) ==
          "t.json: model.vocab.a: expected an integer, found a number");
    CHECK(error_text(small_tokenizer(letters, R"(["a x"])")) ==
          "t.json: model.merges[0]: the token \"x\" is not in the vocabulary");
    CHECK(error_text(small_tokenizer(letters, R"(["a c"])")) ==
          "t.json: model.merges[0]: the token \"ac\" is not in the vocabulary");
    CHECK(error_text(small_tokenizer(letters, R"(["abc"])")) ==
          "t.json: model.merges[0]: expected two tokens and a space");
    CHECK(error_text(small_tokenizer(letters, R"([["a"]])")) == "t.json: model.merges[0]: expected two tokens");
    CHECK(error_text(small_tokenizer(letters, "[]", R"(,"dropout":0.1)")).find("dropout") != std::string::npos);
    CHECK(error_text(small_tokenizer(letters, "[]", R"(,"unk_token":"?")")).find("unk_token") != std::string::npos);
    CHECK(error_text(small_tokenizer(letters, "[]", "", R"(,"normalizer":{"type":"Precompiled"})")) ==
          "t.json: normalizer: the normalizer \"Precompiled\" is not supported");
    CHECK(error_text(small_tokenizer(letters, "[]", "", R"(,"decoder":{"type":"CTC"})")) ==
          "t.json: decoder: the decoder \"CTC\" is not supported");
    CHECK(error_text(small_tokenizer(letters, "[]", "", R"(,"added_tokens":[{"id":1,"content":"<s>"}])")) ==
          "t.json: added_tokens[0]: the id 1 belongs to the token \"b\"");
    CHECK(error_text(
              small_tokenizer(letters, "[]", "", R"(,"added_tokens":[{"id":9,"content":"x"},{"id":9,"content":"y"}])"))
              .find("belongs to two tokens") != std::string::npos);
    CHECK(error_text(small_tokenizer(letters, "[]", "",
                                     R"(,"post_processor":{"type":"BertProcessing","sep":["b",1],"cls":["z",77]})")) ==
          "t.json: post_processor.cls[1]: the id 77 is outside the vocabulary of 7");
    std::string long_prefix = R"(,"normalizer":{"type":"Prepend","prepend":")";
    long_prefix.append(2000, 'x').append("\"}");
    CHECK(error_text(small_tokenizer(letters, "[]", "", long_prefix)).find("at most 1024") != std::string::npos);
}
