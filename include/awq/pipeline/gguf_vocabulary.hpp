// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_GGUF_VOCABULARY_HPP
#define AWQ_PIPELINE_GGUF_VOCABULARY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/json_fields.hpp>
#include <awq/data/tokenizer.hpp>
#include <awq/io/gguf/pre_tokenizer.hpp>
#include <awq/io/gguf/vocabulary.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/model_file.hpp>
#include <awq/io/read_file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// From the tokenizer files of a model directory to the tokenizer of a GGUF file.
namespace awq {

namespace detail {

/// A JSON file of the directory, or an empty object where there is none.
inline result<json::document> load_or_empty(const std::string& path)
{
    if (!std::filesystem::exists(path)) return json::document::parse("{}", path);
    return json::load(path);
}

inline result<gguf::pre_tokenizer_step> read_pre_tokenizer_step(const json::value& part,
                                                                const std::string& type)
{
    using kind = gguf::pre_tokenizer_step::kind;
    if (type == "Digits") {
        AWQ_TRY(const bool individual, bool_field(part, "individual_digits", false));
        return gguf::pre_tokenizer_step{individual ? kind::individual_digits : kind::other, {}};
    }
    if (type == "ByteLevel") {
        AWQ_TRY(const bool prefix, bool_field(part, "add_prefix_space", true));
        AWQ_TRY(const bool words, bool_field(part, "use_regex", true));
        if (prefix) return gguf::pre_tokenizer_step{};
        return gguf::pre_tokenizer_step{words ? kind::byte_level_words : kind::byte_level, {}};
    }
    if (type != "Split") return gguf::pre_tokenizer_step{};
    AWQ_TRY(const pattern_field pattern, read_pattern(part));
    AWQ_TRY(const bool invert, bool_field(part, "invert", false));
    AWQ_TRY(const std::string behavior, string_field(part, "behavior"));
    if (!pattern.is_regex || invert || behavior != "Isolated") return gguf::pre_tokenizer_step{};
    return gguf::pre_tokenizer_step{kind::split, pattern.text};
}

inline result<std::string> pre_tokenizer_name(const json::value& file, bool ignore_merges)
{
    std::vector<gguf::pre_tokenizer_step> steps;
    if (const auto part = file.find_non_null("pre_tokenizer"))
        AWQ_CHECK(for_each_component(*part, "pretokenizers",
                                     [&](const json::value& each, const std::string& type) -> status {
                                         AWQ_TRY(auto step, read_pre_tokenizer_step(each, type));
                                         steps.push_back(std::move(step));
                                         return {};
                                     }));
    auto name = gguf::identify_pre_tokenizer(steps, ignore_merges);
    if (!name) return name.error().within(file.where());
    return name;
}

/// "<role>_token" of tokenizer_config.json: a string, or an object with its content.
inline result<std::string> special_text(const json::value& settings, const std::string& key)
{
    const auto field = settings.find_non_null(key);
    if (!field) return std::string{};
    if (field->is_object()) return string_field(*field, "content", "");
    AWQ_TRY(const std::string_view text, field->as_string());
    return std::string{text};
}

inline result<std::vector<gguf::special_token_source>> special_tokens(const json::value& settings,
                                                                      const json::value& config)
{
    std::vector<gguf::special_token_source> specials;
    for (const char* role : {"bos", "eos", "unk", "sep", "pad", "cls", "mask"}) {
        gguf::special_token_source source{role, {}, {}};
        AWQ_TRY(source.text, special_text(settings, std::string{role} + "_token"));
        const auto id = config.find_non_null(std::string{role} + "_token_id");
        if (id && id->is_integer()) {
            AWQ_TRY(const std::int64_t number, id->as_integer());
            if (std::in_range<std::uint32_t>(number))
                source.id = static_cast<std::uint32_t>(number);
        }
        specials.push_back(std::move(source));
    }
    return specials;
}

/// From tokenizer_config.json, where of several templates the one called "default" counts, or from
/// chat_template.jinja.
inline result<std::string> chat_template(const json::value& settings, const std::string& directory)
{
    const auto field = settings.find_non_null("chat_template");
    if (field && field->is_string()) return std::string{*field->as_string()};
    if (field)
        for (const json::value& each : field->elements()) {
            AWQ_TRY(const std::string name, string_field(each, "name", ""));
            if (name == "default") return string_field(each, "template");
        }
    AWQ_TRY(const std::string path, model_file(directory, "chat_template.jinja"));
    if (std::filesystem::exists(path)) return read_file(path, std::uint64_t{1} << 24);
    return std::string{};
}

inline result<std::optional<bool>> optional_flag(const json::value& settings, std::string_view key)
{
    const auto field = settings.find_non_null(key);
    if (!field || !field->is_bool()) return std::optional<bool>{};
    AWQ_TRY(const bool value, field->as_bool());
    return std::optional<bool>{value};
}

/// The tokens and merges, as texts.
inline void copy_model(const tokenizer& tokens, gguf::vocabulary& into)
{
    const bpe_model& model = tokens.model();
    for (std::int64_t id = 0; id < model.tokens().size(); ++id)
        if (const auto text = model.tokens().token_of(id))
            into.tokens.emplace_back(std::string{*text}, static_cast<std::uint32_t>(id));
    for (const added_token& each : tokens.added_tokens())
        into.added.push_back({static_cast<std::uint32_t>(each.id), each.content, each.special});
    const auto text_of = [&](std::int32_t id) { return std::string{*model.tokens().token_of(id)}; };
    for (const bpe_merge& each : model.merges())
        into.merges.emplace_back(text_of(each.left), text_of(each.right));
    if (const auto unknown = model.options().unknown) into.unknown_text = text_of(*unknown);
}

/// What is put around and before a text. Both flags are written out, as llama.cpp's defaults depend
/// on the pre-tokenizer.
inline status copy_flags(const tokenizer& tokens, const json::value& settings,
                         gguf::vocabulary& into)
{
    into.add_bos = !tokens.post_processor().prefix().empty();
    into.add_eos = !tokens.post_processor().suffix().empty();
    AWQ_TRY(const auto add_bos, optional_flag(settings, "add_bos_token"));
    AWQ_TRY(const auto add_eos, optional_flag(settings, "add_eos_token"));
    if (add_bos) into.add_bos = add_bos;
    if (add_eos) into.add_eos = add_eos;
    AWQ_TRY(into.add_space_prefix, optional_flag(settings, "add_prefix_space"));
    if (tokens.kind() == tokenizer_kind::sentencepiece)
        into.add_space_prefix = tokens.add_prefix_space();
    return {};
}

} // namespace detail

/// The tokenizer of a model directory as a GGUF file holds it; `vocab_size` is the number of rows of
/// the embedding. `pre`: the pre-tokenizer's name in llama.cpp, or empty to find it out. Errors:
/// those of reading the files; `unsupported` for a pre-tokenizer that llama.cpp does not have.
inline result<gguf::tokenizer_facts> read_gguf_tokenizer(const std::string& directory,
                                                         std::size_t vocab_size,
                                                         const std::string& pre = {})
{
    AWQ_TRY(const std::string path, model_file(directory, "tokenizer.json"));
    AWQ_TRY(const tokenizer tokens, tokenizer::load(path));
    AWQ_TRY(const json::document file, json::load(path));
    AWQ_TRY(const std::string settings_path, model_file(directory, "tokenizer_config.json"));
    AWQ_TRY(const json::document settings, detail::load_or_empty(settings_path));
    AWQ_TRY(const std::string config_path, model_file(directory, "config.json"));
    AWQ_TRY(const json::document config, json::load(config_path));
    gguf::vocabulary vocabulary;
    vocabulary.size = vocab_size;
    detail::copy_model(tokens, vocabulary);
    AWQ_CHECK(detail::copy_flags(tokens, settings.root(), vocabulary));
    AWQ_TRY(vocabulary.specials, detail::special_tokens(settings.root(), config.root()));
    AWQ_TRY(vocabulary.chat_template, detail::chat_template(settings.root(), directory));
    if (tokens.kind() == tokenizer_kind::sentencepiece) {
        auto facts = gguf::sentencepiece_facts(vocabulary);
        if (!facts) return facts.error().within(path);
        return facts;
    }
    vocabulary.pre = pre;
    if (pre.empty()) {
        const bool ignore_merges = tokens.model().options().ignore_merges;
        AWQ_TRY(vocabulary.pre, detail::pre_tokenizer_name(file.root(), ignore_merges));
    }
    auto facts = gguf::byte_level_facts(vocabulary);
    if (!facts) return facts.error().within(path);
    return facts;
}

} // namespace awq

#endif
