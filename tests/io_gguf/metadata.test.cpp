// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "scratch_directory.hpp"
#include <awq/io/gguf/metadata.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/io/gguf/rope_freqs.hpp>
#include <awq/io/gguf/writer.hpp>

#include <limits>
#include <set>
#include <string>
#include <vector>

using namespace awq;

namespace {

gguf::hyperparameters basic()
{
    gguf::hyperparameters facts;
    facts.architecture = "qwen3";
    facts.block_count = 6;
    facts.context_length = 128;
    facts.embedding_length = 64;
    return facts;
}

/// Writes the metadata to a file without tensors and hands the file to `check`.
template <class Check>
void with_file(const gguf::key_values& metadata, Check check)
{
    const scratch_directory scratch;
    auto writer = gguf::writer::create(scratch.file("m.gguf"), metadata, {});
    REQUIRE(writer);
    REQUIRE(writer->finish());
    const auto file = gguf::file::open(scratch.file("m.gguf"));
    REQUIRE(file);
    check(*file);
}

gguf::key_values keys_of(const gguf::hyperparameters& facts)
{
    gguf::key_values metadata;
    metadata.set("general.architecture", facts.architecture);
    gguf::append_hyperparameters(metadata, facts);
    return metadata;
}

} // namespace

TEST_CASE("every hyperparameter has a key of its own and comes back")
{
    auto facts = basic();
    std::uint32_t next = 3;
    gguf::detail::for_each_field(facts, [&](std::string_view, auto& field) {
        using content = typename std::remove_reference_t<decltype(field)>::value_type;
        ++next;
        if constexpr (std::is_arithmetic_v<content>)
            field = static_cast<content>(next);
        else if constexpr (std::is_same_v<content, std::string>)
            field = std::to_string(next);
        else
            field = content{true, false, true};
    });
    const auto metadata = keys_of(facts);
    std::set<std::string_view> keys; // some have a number or a list of them
    gguf::detail::for_each_field(facts, [&](std::string_view key, auto&) { keys.insert(key); });
    const std::size_t fields = keys.size() + 1;
    CHECK(metadata.entries().size() == fields);
    CHECK(metadata.find("qwen3.block_count")->type() == gguf::value_type::u32);
    CHECK(metadata.find("qwen3.rope.freq_base")->type() == gguf::value_type::f32);
    with_file(metadata, [&](const gguf::file& file) {
        const auto back = gguf::read_hyperparameters(file);
        REQUIRE(back);
        CHECK(keys_of(*back).entries().size() == fields);
        CHECK(back->rope_scaling_type == facts.rope_scaling_type);
        CHECK(back->sliding_window_pattern == facts.sliding_window_pattern);
        CHECK(back->value_length_mla == facts.value_length_mla);
        CHECK(back->expert_weights_scale == facts.expert_weights_scale);
    });
}

TEST_CASE("hyperparameters that make no model are refused")
{
    const auto code = [](auto change) {
        auto metadata = keys_of(basic());
        change(metadata);
        error_code seen = error_code::none;
        with_file(metadata, [&](const gguf::file& file) {
            const auto facts = gguf::read_hyperparameters(file);
            if (!facts) seen = facts.error().code();
        });
        return seen;
    };
    CHECK(code([](auto&) {}) == error_code::none);
    CHECK(code([](auto& m) { m.erase("general.architecture"); }) == error_code::missing_field);
    CHECK(code([](auto& m) { m.erase("qwen3.block_count"); }) == error_code::missing_field);
    CHECK(code([](auto& m) { m.set("qwen3.block_count", 0u); }) == error_code::malformed_file);
    CHECK(code([](auto& m) { m.set("qwen3.block_count", "six"); }) == error_code::malformed_file);
    CHECK(code([](auto& m) { m.set("qwen3.attention.head_count", 0u); }) == error_code::malformed_file);
    CHECK(code([](auto& m) {
              m.set("qwen3.attention.head_count", std::vector<std::uint32_t>{4, 4});
          }) == error_code::malformed_file);
    CHECK(code([](auto& m) { m.set("qwen3.attention.sliding_window_pattern", 0u); }) == error_code::malformed_file);
}

TEST_CASE("a key that is missing, or out of range, is named alone")
{
    for (const std::string key : {"block_count", "embedding_length", "context_length"}) {
        INFO(key);
        auto metadata = keys_of(basic());
        metadata.erase("qwen3." + key);
        with_file(metadata, [&](const gguf::file& file) {
            const auto facts = gguf::read_hyperparameters(file);
            REQUIRE_FALSE(facts);
            CHECK(std::string{facts.error().text()}.ends_with(": has no qwen3." + key));
        });
        metadata.set("qwen3." + key, 0u);
        with_file(metadata, [&](const gguf::file& file) {
            const auto facts = gguf::read_hyperparameters(file);
            REQUIRE_FALSE(facts);
            const std::string text{facts.error().text()};
            CHECK(text.find(": qwen3." + key + " is 0, it must be between 1 and ") != text.npos);
        });
    }
}

TEST_CASE("named chat templates have a key each and come back")
{
    gguf::tokenizer_facts facts;
    facts.tokens = {"a"};
    facts.types = {gguf::token_type::normal};
    facts.chat_template = "d";
    facts.templates = {{"tool_use", "t"}, {"rag", "r"}};
    gguf::key_values metadata;
    gguf::append_tokenizer(metadata, facts);
    with_file(metadata, [&](const gguf::file& file) {
        CHECK(file.find("tokenizer.chat_template.tool_use")->as_string().value() == "t");
        const auto back = gguf::read_tokenizer(file);
        REQUIRE(back);
        CHECK(back->chat_template == "d");
        CHECK(back->templates == facts.templates);
    });
    CHECK(gguf::template_key_of("tool-use v2") == "tool_use_v2");
}

TEST_CASE("a sliding-window period is spelled out layer by layer")
{
    auto metadata = keys_of(basic());
    metadata.set("qwen3.attention.sliding_window_pattern", 3u);
    with_file(metadata, [](const gguf::file& file) {
        const auto facts = gguf::read_hyperparameters(file);
        REQUIRE(facts);
        CHECK(facts->sliding_window_pattern == std::vector<bool>{true, true, false, true, true, false});
    });
}

TEST_CASE("tokenizers with lists that do not fit are refused")
{
    gguf::tokenizer_facts facts;
    facts.tokens = {"a", "b"};
    facts.types = {gguf::token_type::normal, gguf::token_type::control};
    facts.model = "llama";
    facts.scores = {0, -1};
    facts.ids.bos = 1;
    facts.ids.eos = 7;
    facts.chat_template = "{{ messages }}";
    gguf::key_values metadata;
    gguf::append_tokenizer(metadata, facts);
    CHECK(metadata.find("tokenizer.ggml.merges") == nullptr);
    with_file(metadata, [&](const gguf::file& file) {
        const auto back = gguf::read_tokenizer(file);
        REQUIRE(back);
        CHECK(back->tokens == facts.tokens);
        CHECK(back->scores == facts.scores);
        CHECK(back->ids.bos == 1u);
        CHECK_FALSE(back->ids.eos); // no such token
        CHECK(back->chat_template == facts.chat_template);
    });
    const auto refuse = [&](const char* key, const auto& content) {
        auto changed = metadata;
        changed.set(key, content);
        with_file(changed, [](const gguf::file& file) { CHECK_FALSE(gguf::read_tokenizer(file)); });
    };
    refuse("tokenizer.ggml.tokens", std::vector<std::string>{});
    refuse("tokenizer.ggml.tokens", 1u);
    refuse("tokenizer.ggml.scores", std::vector<float>{1});
    refuse("tokenizer.ggml.scores", "x");
    refuse("tokenizer.ggml.token_type", std::vector<int>{1, 1, 1});
    refuse("tokenizer.ggml.bos_token_id", "x");
    refuse("tokenizer.ggml.add_bos_token", 1u);
    refuse("tokenizer.ggml.merges", 1u);
}

TEST_CASE("sizes are labelled with two digits at least")
{
    CHECK(gguf::size_label_of(2893056) == "2.9M");
    CHECK(gguf::size_label_of(29368832) == "29M");
    CHECK(gguf::size_label_of(134515008) == "135M");
    CHECK(gguf::size_label_of(1100048384) == "1.1B");
    CHECK(gguf::size_label_of(70553706496) == "71B");
    CHECK(gguf::size_label_of(999) == "1.0K");
}

TEST_CASE("llama3 rope divisors go from 1 to the factor")
{
    const gguf::llama3_rope rope{500000, 8, 1, 4, 8192};
    const auto divisors = gguf::llama3_rope_freqs(rope, 128);
    REQUIRE(divisors);
    REQUIRE(divisors->size() == 64);
    CHECK(divisors->front() == 1);
    CHECK(divisors->back() == 8);
    for (std::size_t i = 1; i < divisors->size(); ++i) CHECK((*divisors)[i] >= (*divisors)[i - 1]);
    CHECK_FALSE(gguf::llama3_rope_freqs(rope, 0));
    CHECK_FALSE(gguf::llama3_rope_freqs(rope, 63));
    CHECK_FALSE(gguf::llama3_rope_freqs({500000, 8, 4, 4, 8192}, 64));
    CHECK_FALSE(gguf::llama3_rope_freqs({std::numeric_limits<float>::quiet_NaN()}, 64));
}
