// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_VOCABULARY_HPP
#define AWQ_CHECKPOINT_GGUF_VOCABULARY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_tokenizer_losses.hpp>
#include <awq/io/gguf/pre_tokenizer.hpp>
#include <awq/io/gguf/vocabulary.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/model_file.hpp>
#include <awq/support/notice.hpp>
#include <awq/text/json_fields.hpp>
#include <awq/text/template_files.hpp>
#include <awq/text/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

/// From the tokenizer files of a model directory to the tokenizer of a GGUF file.
namespace awq {

namespace detail {

/// A JSON file of the directory, or an empty object where there is none.
inline result<json::document> load_or_empty(const std::string& path)
{
    std::error_code ignored; // what is there and cannot be read is `load`'s error
    const auto kind = std::filesystem::status(path, ignored).type();
    if (kind == std::filesystem::file_type::not_found) return json::document::parse("{}", path);
    return json::load(path);
}

inline result<gguf::pre_tokenizer_step> read_pre_tokenizer_step(const json::value& part, const std::string& type)
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

inline result<std::vector<gguf::pre_tokenizer_step>> pre_tokenizer_steps(const json::value& file)
{
    std::vector<gguf::pre_tokenizer_step> steps;
    if (const auto part = file.find_non_null("pre_tokenizer"))
        AWQ_CHECK(
            for_each_component(*part, "pretokenizers", [&](const json::value& each, const std::string& type) -> status {
                AWQ_TRY(auto step, read_pre_tokenizer_step(each, type));
                steps.push_back(std::move(step));
                return {};
            }));
    return steps;
}

/// llama.cpp's name for how the words are cut, or the one that was given; warns where that one, or
/// the best there is, does otherwise.
inline result<std::string> choose_pre_tokenizer(const json::value& file, const tokenizer& tokens,
                                                const std::string& given, notice_list& notices)
{
    AWQ_TRY(const auto steps, pre_tokenizer_steps(file));
    const bool ignore_merges = tokens.model().options().ignore_merges;
    auto name = given.empty() ? gguf::identify_pre_tokenizer(steps, ignore_merges) : given;
    if (!name) return name.error().within(file.where());
    const auto* const family = gguf::find_pre_tokenizer(*name);
    if (!family)
        notices.warn("pre-tokenizer \"" + *name +
                     "\" is not known here: a llama.cpp that does not "
                     "have it refuses the file");
    else if (gguf::steps_of(*family) != steps)
        notices.warn("pre-tokenizer \"" + *name +
                     "\" cuts text otherwise than the model's "
                     "tokenizer.json");
    else if (family->ignore_merges != ignore_merges)
        notices.warn("pre-tokenizer \"" + *name + "\" cuts as the model's tokenizer.json does, but " +
                     (ignore_merges ? "merges words that are tokens" : "takes words that are tokens whole"));
    return name;
}

/// The ids under a key: a number, or a list of them.
inline std::vector<std::uint32_t> ids_of(const json::value& config, const std::string& key)
{
    std::vector<std::uint32_t> ids;
    const auto add = [&](const json::value& each) {
        if (!each.is_integer()) return;
        const std::int64_t number = *each.as_integer();
        if (std::in_range<std::uint32_t>(number)) ids.push_back(static_cast<std::uint32_t>(number));
    };
    const auto found = config.find_non_null(key);
    if (!found) return ids;
    if (!found->is_array()) add(*found);
    for (const json::value& each : found->elements()) add(each);
    return ids;
}

/// Of several tokens that end an answer, the file names one.
inline void note_other_ends(const json::value& config, const tokenizer& tokens, const gguf::special_ids& ids,
                            notice_list& notices)
{
    name_sample others;
    for (const std::uint32_t id : ids_of(config, "eos_token_id"))
        if (ids.eos != id) others.add(tokens.token(id).value_or(std::to_string(id)));
    if (others.count() == 0 || !ids.eos) return;
    notices.note("the GGUF file names one token that ends an answer, " +
                 std::string{tokens.token(*ids.eos).value_or("?")} + "; of the model's others (" + others.text() +
                 ") llama.cpp finds those that it knows by their texts");
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
        const auto ids = ids_of(config, std::string{role} + "_token_id");
        if (!ids.empty()) source.id = ids.front();
        specials.push_back(std::move(source));
    }
    return specials;
}

/// The model's chat templates; a named one's key cannot hold every name.
inline status copy_templates(const std::string& directory, gguf::vocabulary& into, notice_list& notices)
{
    AWQ_TRY(const template_files files, template_files::load(directory));
    for (const named_template& each : files.all()) {
        const std::string key = gguf::template_key_of(each.name);
        const auto has_key = [&](const gguf::named_template& other) { return other.name == key; };
        if (each.name == "default") {
            into.chat_template = each.source;
        } else if (key.empty() || std::any_of(into.templates.begin(), into.templates.end(), has_key)) {
            notices.warn("chat template \"" + each.name +
                         "\" is left out of the GGUF file, where its "
                         "name would be " +
                         (key.empty() ? "empty" : "that of another"));
        } else {
            into.templates.push_back({key, each.source});
            if (key != each.name)
                notices.note("chat template \"" + each.name + "\" is \"" + key + "\" in the GGUF file");
        }
    }
    return {};
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
    for (const bpe_merge& each : model.merges()) into.merges.emplace_back(text_of(each.left), text_of(each.right));
    if (const auto unknown = model.options().unknown) into.unknown_text = text_of(*unknown);
}

/// Whether a token is put at one end of a text. tokenizer_config.json has the last word, as with
/// llama.cpp's converter; the model's own tokenizer follows tokenizer.json.
inline result<bool> end_flag(const json::value& settings, const std::string& key, bool puts, notice_list& notices)
{
    AWQ_TRY(const auto flag, optional_flag(settings, key));
    if (flag && *flag != puts)
        notices.warn("tokenizer_config.json: " + key + " is " + (*flag ? "true" : "false") +
                     ", which the GGUF file follows; tokenizer.json " + (puts ? "puts such a token" : "puts none"));
    return flag.value_or(puts);
}

/// What is put around and before a text. Both flags are written out, as llama.cpp's defaults depend
/// on the pre-tokenizer.
inline status copy_flags(const tokenizer& tokens, const json::value& settings, gguf::vocabulary& into,
                         notice_list& notices)
{
    const post_processor& around = tokens.post_processor();
    AWQ_TRY(into.add_bos, end_flag(settings, "add_bos_token", !around.prefix().empty(), notices));
    AWQ_TRY(into.add_eos, end_flag(settings, "add_eos_token", !around.suffix().empty(), notices));
    AWQ_TRY(into.add_space_prefix, optional_flag(settings, "add_prefix_space"));
    if (tokens.kind() == tokenizer_kind::sentencepiece) into.add_space_prefix = tokens.add_prefix_space();
    return {};
}

} // namespace detail

/// The tokenizer of a model directory as a GGUF file holds it; `vocab_size` is the number of rows of
/// the embedding, `notices` gets what the file does not hold. `pre`: the pre-tokenizer's name in
/// llama.cpp, or empty to find it out. Errors: those of reading the files; `unsupported` for a
/// pre-tokenizer that llama.cpp does not have.
inline result<gguf::tokenizer_facts> read_gguf_tokenizer(const std::string& directory, std::size_t vocab_size,
                                                         notice_list& notices, const std::string& pre = {})
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
    AWQ_CHECK(detail::copy_flags(tokens, settings.root(), vocabulary, notices));
    AWQ_TRY(vocabulary.specials, detail::special_tokens(settings.root(), config.root()));
    AWQ_CHECK(detail::copy_templates(directory, vocabulary, notices));
    const bool bytes = tokens.kind() == tokenizer_kind::byte_level;
    if (!bytes && !pre.empty())
        return error{error_code::invalid_argument, "pre-tokenizer \"", pre,
                     "\": llama.cpp has none "
                     "for a SentencePiece style vocabulary, as that of ",
                     path};
    if (bytes) {
        AWQ_TRY(vocabulary.pre, detail::choose_pre_tokenizer(file.root(), tokens, pre, notices));
    }
    auto facts = bytes ? gguf::byte_level_facts(vocabulary) : gguf::sentencepiece_facts(vocabulary);
    if (!facts) return facts.error().within(path);
    AWQ_CHECK(note_tokenizer_losses(tokens, file.root(), facts->ids, notices));
    detail::note_other_ends(config.root(), tokens, facts->ids, notices);
    return facts;
}

} // namespace awq

#endif
