// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "generated_text.hpp"
#include <awq/io/read_file.hpp>
#include <awq/text/chat_template.hpp>
#include <awq/text/tokenizer.hpp>

#include <string>
#include <string_view>

// Files with random damage: every one is read or refused, none crashes.
namespace {

std::string damaged(std::string text, generated::random& random)
{
    for (std::size_t count = 1 + random.below(3); count > 0 && !text.empty(); --count) {
        const std::size_t at = random.below(text.size());
        const std::size_t size = random.below(8);
        if (random.below(3) == 0) {
            text.erase(at, size);
        } else if (random.below(2) == 0) {
            text.insert(at, text.substr(random.below(text.size()), 1 + size * 4));
        } else {
            constexpr std::string_view bytes = "\"\\[]{}(),:019-aZ|%#\n \xC3\x80";
            text[at] = bytes[random.below(bytes.size())];
        }
    }
    return text;
}

constexpr std::string_view small_tokenizer =
    R"json({"added_tokens":[{"id":7,"content":"<s>","special":true},
{"id":8,"content":"x y","lstrip":true,"single_word":true,"normalized":true}],
"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},
{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},{"type":"Prepend","prepend":"_"}]},
"pre_tokenizer":{"type":"Sequence","pretokenizers":[
{"type":"Split","pattern":{"Regex":"[^\\s\\p{L}]+|\\p{L}{1,3}(?!\\S)"},"behavior":"MergedWithNext","invert":true},
{"type":"Metaspace","replacement":"_","prepend_scheme":"first"},{"type":"Digits"}]},
"model":{"type":"BPE","unk_token":"d","byte_fallback":true,"fuse_unk":true,
"vocab":{"a":0,"b":1,"c":2,"d":3,"ab":4,"abc":5,"<0x0A>":6},"merges":["a b",["ab","c"]]},
"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[7],"tokens":["<s>"]}}},
"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"_"},"content":" "},
{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}})json";

constexpr std::string_view small_template =
    "{%- set ns = namespace(n=0) -%}{% macro show(x, y='z') %}{{ x | upper ~ y }}{% endmacro %}\n"
    "{% for m in messages if m.role != 'tool' %}{% set ns.n = ns.n + 1 %}"
    "{% if not loop.first and ns.n > 1 %}, {% elif m['content'] is string %}"
    "{{ show(m.content[1:-1:2]) }}{% else %}{{ m | tojson(indent=2) }}{% endif %}{# end #}{% "
    "endfor %}"
    "{{ messages | map(attribute='role') | list }}{{ {'a': [1, 2.5]}['a'][0] // 2 }}";

} // namespace

TEST_CASE("Damaged tokenizers are read or refused")
{
    generated::random random{5};
    std::size_t read = 0;
    for (int i = 0; i < 3000; ++i) {
        const auto tokens = awq::tokenizer::from_json(damaged(std::string{small_tokenizer}, random), "t.json");
        if (!tokens) {
            CHECK(tokens.error().text().starts_with("t.json"));
            continue;
        }
        ++read;
        const auto ids = tokens->encode("abc x y <s> d\u00e9\n  a", true);
        if (!ids) continue;
        for (const std::int32_t id : *ids) CHECK(tokens->token(id));
        if (const auto text = tokens->decode(*ids, true); !text) CHECK(!text.error().text().empty());
    }
    CHECK(read > 100);
}

TEST_CASE("Damaged chat templates are rendered or refused")
{
    generated::random random{6};
    const auto messages = awq::json::document::parse(
        R"([{"role":"user","content":"hello"},{"role":"tool","content":null},{"role":"a","content":["b"]}])", "m");
    std::size_t rendered = 0;
    for (int i = 0; i < 3000; ++i) {
        const auto made = awq::chat_template::parse(damaged(std::string{small_template}, random), "t");
        if (!made) {
            CHECK(made.error().text().starts_with("t: "));
            continue;
        }
        rendered += made->render(messages->root()).has_value();
    }
    CHECK(rendered > 100);
}
