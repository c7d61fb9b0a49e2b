// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_TOKENIZER_FACTS_HPP
#define AWQ_IO_GGUF_TOKENIZER_FACTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/key_values.hpp>
#include <awq/io/gguf/read_key.hpp>
#include <awq/io/gguf/reader.hpp>
#include <awq/support/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::gguf {

/// What a token is to llama.cpp; the numbers are those of `tokenizer.ggml.token_type`.
enum class token_type : std::int32_t {
    normal = 1,
    unknown = 2,
    control = 3,
    user_defined = 4,
    unused = 5,
    byte = 6,
};

/// Ids of the tokens with a meaning of their own.
struct special_ids {
    std::optional<std::uint32_t> bos, eos, eot, eom, unknown, separator, padding, cls, mask;
};

/// A chat template beside the default one.
struct named_template {
    std::string name;   ///< letters, digits and '_'; see `template_key_of`
    std::string source; ///< Jinja

    friend bool operator==(const named_template&, const named_template&) = default;
};

/// A template's name as a key has it: anything but ASCII letters and digits becomes '_', as in
/// llama.cpp's converter.
inline std::string template_key_of(std::string_view name)
{
    std::string key{name};
    for (char& each : key) {
        const bool plain = (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9');
        if (!plain) each = '_';
    }
    return key;
}

/// The tokenizer as a GGUF file holds it.
struct tokenizer_facts {
    std::string model = "gpt2";      ///< "gpt2" is byte-level BPE, "llama" SentencePiece style
    std::string pre = "default";     ///< how text is cut before merging (see pre_tokenizer.hpp)
    std::vector<std::string> tokens; ///< by id, unique
    std::vector<token_type> types;   ///< by id
    std::vector<float> scores;       ///< by id; "llama" only
    std::vector<std::string> merges; ///< "left right", best first; "gpt2" only
    special_ids ids;
    std::optional<bool> add_bos, add_eos, add_space_prefix;
    std::string chat_template;             ///< Jinja; may be empty
    std::vector<named_template> templates; ///< those that have another name than "default"
};

namespace detail {

template <class Ids, class Visit>
void for_each_special_id(Ids& ids, Visit visit)
{
    visit("bos", ids.bos);
    visit("eos", ids.eos);
    visit("eot", ids.eot);
    visit("eom", ids.eom);
    visit("unknown", ids.unknown);
    visit("seperator", ids.separator); // the format spells it like this
    visit("padding", ids.padding);
    visit("cls", ids.cls);
    visit("mask", ids.mask);
}

inline status read_types(const file& from, tokenizer_facts& facts)
{
    facts.types.assign(facts.tokens.size(), token_type::normal);
    const value_view* content = from.find("tokenizer.ggml.token_type");
    if (content == nullptr) return {};
    const auto numbers = content->as_numbers<std::int32_t>();
    if (!numbers || numbers->size() != facts.tokens.size())
        return error{error_code::malformed_file, from.path(),
                     ": tokenizer.ggml.token_type does not have a number for each token"};
    for (std::size_t i = 0; i < numbers->size(); ++i) facts.types[i] = static_cast<token_type>((*numbers)[i]);
    return {};
}

inline status read_scores(const file& from, tokenizer_facts& facts)
{
    const value_view* content = from.find("tokenizer.ggml.scores");
    if (content == nullptr) return {};
    auto numbers = content->as_numbers<float>();
    if (!numbers || numbers->size() != facts.tokens.size())
        return error{error_code::malformed_file, from.path(),
                     ": tokenizer.ggml.scores does not have a number for each token"};
    facts.scores = *std::move(numbers);
    return {};
}

inline status read_special_ids(const file& from, tokenizer_facts& facts)
{
    status outcome;
    for_each_special_id(facts.ids, [&](std::string_view name, auto& id) {
        const std::string key = "tokenizer.ggml." + std::string{name} + "_token_id";
        if (outcome) outcome = read_optional(from, key, id);
        if (id && *id >= facts.tokens.size()) id.reset(); // llama.cpp ignores such ids, too
    });
    return outcome;
}

} // namespace detail

namespace detail {

inline constexpr std::string_view template_key = "tokenizer.chat_template";
inline constexpr std::string_view template_names_key = "tokenizer.chat_templates";

inline void append_templates(key_values& metadata, const tokenizer_facts& facts)
{
    std::vector<std::string> names;
    for (const named_template& each : facts.templates) {
        names.push_back(each.name);
        metadata.set(std::string{template_key} + "." + each.name, each.source);
    }
    if (!names.empty()) metadata.set(template_names_key, names);
    if (!facts.chat_template.empty()) metadata.set(template_key, facts.chat_template);
}

inline status read_templates(const file& from, tokenizer_facts& facts)
{
    std::optional<std::string> unnamed;
    AWQ_CHECK(read_optional(from, template_key, unnamed));
    facts.chat_template = unnamed.value_or("");
    std::vector<std::string> names;
    AWQ_CHECK(read_strings(from, template_names_key, names));
    for (std::string& name : names) {
        std::optional<std::string> source;
        AWQ_CHECK(read_optional(from, std::string{template_key} + "." + name, source));
        if (source) facts.templates.push_back({std::move(name), *std::move(source)});
    }
    return {};
}

} // namespace detail

/// Appends the tokenizer's keys.
inline void append_tokenizer(key_values& metadata, const tokenizer_facts& facts)
{
    const auto set = [&](std::string_view key, const auto& content) {
        metadata.set("tokenizer.ggml." + std::string{key}, content);
    };
    if (facts.add_space_prefix) set("add_space_prefix", *facts.add_space_prefix);
    set("model", facts.model);
    set("pre", facts.pre);
    set("tokens", facts.tokens);
    if (!facts.scores.empty()) set("scores", facts.scores);
    std::vector<std::int32_t> types;
    types.reserve(facts.types.size());
    for (const token_type each : facts.types) types.push_back(static_cast<std::int32_t>(each));
    set("token_type", types);
    if (facts.model == "gpt2") set("merges", facts.merges);
    detail::for_each_special_id(facts.ids, [&](std::string_view name, const auto& id) {
        if (id) set(std::string{name} + "_token_id", *id);
    });
    if (facts.add_bos) set("add_bos_token", *facts.add_bos);
    if (facts.add_eos) set("add_eos_token", *facts.add_eos);
    detail::append_templates(metadata, facts);
}

/// Reads the tokenizer back. Errors: `missing_field` where the file has none (it may be without),
/// `malformed_file` where its lists do not fit together.
inline result<tokenizer_facts> read_tokenizer(const file& from)
{
    tokenizer_facts facts;
    std::optional<std::string> model, pre;
    AWQ_CHECK(read_optional(from, "tokenizer.ggml.model", model));
    AWQ_CHECK(read_optional(from, "tokenizer.ggml.pre", pre));
    AWQ_CHECK(read_strings(from, "tokenizer.ggml.tokens", facts.tokens));
    if (!model || facts.tokens.empty()) return error{error_code::missing_field, from.path(), ": has no tokenizer"};
    facts.model = *model;
    facts.pre = pre.value_or("default");
    AWQ_CHECK(detail::read_templates(from, facts));
    AWQ_CHECK(detail::read_types(from, facts));
    AWQ_CHECK(detail::read_scores(from, facts));
    AWQ_CHECK(read_strings(from, "tokenizer.ggml.merges", facts.merges));
    AWQ_CHECK(detail::read_special_ids(from, facts));
    AWQ_CHECK(read_optional(from, "tokenizer.ggml.add_bos_token", facts.add_bos));
    AWQ_CHECK(read_optional(from, "tokenizer.ggml.add_eos_token", facts.add_eos));
    AWQ_CHECK(read_optional(from, "tokenizer.ggml.add_space_prefix", facts.add_space_prefix));
    return facts;
}

} // namespace awq::gguf

#endif
