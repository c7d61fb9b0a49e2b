// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/io/gguf/pre_tokenizer.hpp>

#include <set>
#include <string>
#include <vector>

using namespace awq;
using step = gguf::pre_tokenizer_step;
using kind = gguf::pre_tokenizer_step::kind;

namespace {

std::string name_for(const std::vector<step>& steps, bool ignore_merges = false)
{
    const auto name = gguf::identify_pre_tokenizer(steps, ignore_merges);
    return name ? *name : "none";
}

} // namespace

TEST_CASE("a pre-tokenizer is named by what it does")
{
    CHECK(name_for({{kind::byte_level_words, {}}}) == "gpt-2");
    CHECK(name_for({{kind::individual_digits, {}}, {kind::byte_level_words, {}}}) == "smollm");
    const std::string llama3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
                               "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    CHECK(name_for({{kind::split, llama3}, {kind::byte_level, {}}}, true) == "llama-bpe");
    CHECK(name_for({{kind::split, llama3}, {kind::byte_level, {}}}, false) == "dbrx");
    std::string qwen2 = llama3;
    qwen2.erase(qwen2.find("{1,3}"), 5);
    CHECK(name_for({{kind::split, qwen2}, {kind::byte_level, {}}}) == "qwen2");
    CHECK(name_for({{kind::split, qwen2}, {kind::byte_level, {}}}, true) == "qwen2");
}

TEST_CASE("a pre-tokenizer that llama.cpp does not have is refused")
{
    CHECK(name_for({}) == "none");
    CHECK(name_for({{kind::byte_level, {}}}) == "none");
    CHECK(name_for({{kind::split, "x"}, {kind::byte_level, {}}}) == "none");
    CHECK(name_for({{kind::other, {}}, {kind::byte_level_words, {}}}) == "none");
    CHECK(name_for({{kind::byte_level_words, {}}, {kind::individual_digits, {}}}) == "none");
}

TEST_CASE("names and aliases lead back to steps that give the name again")
{
    std::set<std::string_view> seen;
    for (const auto& family : gguf::pre_tokenizer_families) {
        CHECK(seen.insert(family.name).second);
        CHECK(gguf::find_pre_tokenizer(family.name) == &family);
        CHECK(name_for(gguf::steps_of(family), family.ignore_merges) == family.name);
        for (const std::string_view alias : family.aliases) {
            CHECK(seen.insert(alias).second);
            CHECK(gguf::find_pre_tokenizer(alias) == &family);
        }
    }
    CHECK(gguf::find_pre_tokenizer("unheard-of") == nullptr);
}
