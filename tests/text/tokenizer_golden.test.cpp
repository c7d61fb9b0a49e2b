// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "generated_text.hpp"
#include <awq/io/json_reader.hpp>
#include <awq/io/read_file.hpp>
#include <awq/text/tokenizer.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// What Hugging Face tokenizers gives: tests/data/tokenizers/make_golden.py.
namespace {

const std::string folder = AWQ_TEST_DATA "/tokenizers/";
const std::string shared = AWQ_SHARED;

const awq::json::document& golden()
{
    static const awq::json::document document = awq::json::load(folder + "golden.json").value();
    return document;
}

std::optional<std::string> path_of(const std::string& name)
{
    std::string path = folder + name + ".json";
    if (name == "tiny") path = AWQ_EXAMPLE_DATA "/tiny-llama/tokenizer.json";
    if (name == "small") path = shared + "/models/small/tokenizer.json";
    if (!std::filesystem::exists(path)) return std::nullopt;
    return path;
}

std::vector<std::int32_t> ids_of(const awq::json::value& list)
{
    std::vector<std::int32_t> ids;
    for (const awq::json::value& each : list.elements())
        ids.push_back(static_cast<std::int32_t>(each.as_integer().value()));
    return ids;
}

std::vector<awq::json::value> list_of(const awq::json::value& from, const char* key)
{
    std::vector<awq::json::value> all;
    for (const awq::json::value& each : from.at(key).value().elements()) all.push_back(each);
    return all;
}

std::string text_or(const awq::json::value& value, std::string_view fallback)
{
    return std::string{value.is_null() ? fallback : value.as_string().value()};
}

void check_summary(const awq::tokenizer& tokens, const std::string& text, const awq::json::value& expected)
{
    const auto ids = tokens.encode(text, true).value();
    CHECK(static_cast<std::int64_t>(ids.size()) == expected.at("count").value().as_integer().value());
    CHECK(generated::fnv(std::span{ids}) == expected.at("fnv").value().as_string().value());
}

// Calls `check(tokenizer, expected)` for every tokenizer that is there.
template <class Check>
void for_each_tokenizer(Check&& check)
{
    for (const auto& each : golden().root().at("tokenizers").value().members()) {
        const std::string name{each.key};
        const auto path = path_of(name);
        if (!path) {
            WARN("the tokenizer " << name << " is not here: not checked");
            continue;
        }
        INFO(name);
        const auto loaded = awq::tokenizer::load(*path);
        if (!loaded) FAIL(std::string{loaded.error().text()});
        check(*loaded, each.value);
    }
}

} // namespace

TEST_CASE("Ids and texts are those of Hugging Face tokenizers")
{
    const auto texts = list_of(golden().root(), "texts");
    for_each_tokenizer([&](const awq::tokenizer& tokens, const awq::json::value& expected) {
        if (!expected.find("ids")) return;
        CHECK(tokens.vocab_size() == expected.at("vocab_size").value().as_integer().value());
        const auto ids = list_of(expected, "ids"), special_ids = list_of(expected, "special_ids"),
                   decoded = list_of(expected, "decoded"), decoded_skip = list_of(expected, "decoded_skip");
        REQUIRE(ids.size() == texts.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const std::string text{texts[i].as_string().value()};
            CAPTURE(text);
            const auto plain = tokens.encode(text, false).value();
            const auto special = tokens.encode(text, true).value();
            CHECK(plain == ids_of(ids[i]));
            CHECK(special == ids_of(special_ids[i].is_null() ? ids[i] : special_ids[i]));
            CHECK(tokens.decode(special, false).value() == text_or(decoded[i], text));
            CHECK(tokens.decode(special, true).value() == text_or(decoded_skip[i], text));
        }
    });
}

TEST_CASE("Ids of a megabyte of mixed text are those of Hugging Face tokenizers")
{
    const awq::json::value about = golden().root().at("generated").value();
    const std::string text =
        generated::text(about.at("size").value().as_unsigned().value(), about.at("seed").value().as_unsigned().value());
    REQUIRE(text.size() == about.at("bytes").value().as_unsigned().value());
    for_each_tokenizer([&](const awq::tokenizer& tokens, const awq::json::value& expected) {
        check_summary(tokens, text, expected.at("generated").value());
    });
}

TEST_CASE("Ids of real texts are those of Hugging Face tokenizers")
{
    const std::pair<const char*, std::string> files[] = {{"calibration", shared + "/data/calibration.txt"},
                                                         {"wikitext2", shared + "/data/wikitext2-valid.txt"}};
    for (const auto& file : files) {
        if (shared.empty() || !std::filesystem::exists(file.second)) {
            WARN("the text " << file.first << " is not here: not checked");
            continue;
        }
        const std::string text = awq::read_file(file.second).value();
        for_each_tokenizer([&](const awq::tokenizer& tokens, const awq::json::value& expected) {
            check_summary(tokens, text, expected.at("texts").value().at(file.first).value());
        });
    }
}

TEST_CASE("Decoding what a byte-level tokenizer encoded gives the same text")
{
    const std::string text = generated::text(300000, 7);
    for (const char* name : {"llama3", "marks", "cased", "deepseek"}) {
        INFO(name);
        const auto tokens = awq::tokenizer::load(*path_of(name)).value();
        CHECK(tokens.decode(tokens.encode(text, false).value(), false).value() == text);
    }
}
