// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_TOKENIZER_HPP
#define AWQ_TEXT_TOKENIZER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/result.hpp>
#include <awq/text/added_tokens.hpp>
#include <awq/text/bpe.hpp>
#include <awq/text/bpe_json.hpp>
#include <awq/text/json_fields.hpp>
#include <awq/text/normalizer.hpp>
#include <awq/text/post_processor.hpp>
#include <awq/text/pretokenizer.hpp>
#include <awq/text/token_decoder.hpp>
#include <awq/text/unicode.hpp>
#include <awq/text/vocabulary.hpp>
#include <awq/text/word_cache.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// Which of the two families of BPE vocabularies a tokenizer has.
enum class tokenizer_kind {
    byte_level,    ///< tokens are written in the byte alphabet (GPT-2, Llama-3, Qwen)
    sentencepiece, ///< tokens are text with U+2581 for spaces (Llama-2, Mistral, Gemma)
};

/// What a token is for; the numbers are those of GGUF's token types.
enum class token_type : std::int32_t {
    normal = 1,
    unknown = 2,
    control = 3,
    user_defined = 4,
    unused = 5, ///< no token has this id
    byte = 6,
};

/// A Hugging Face tokenizer: text to token ids and back, with the ids of the `tokenizers` library.
/// Reads BPE models. "truncation" and "padding" of the file are not applied. All const functions
/// are safe from several threads.
class tokenizer {
public:
    /// What encoding may keep between calls, for many short texts: words seen before, and memory.
    /// Belongs to one tokenizer and one thread.
    class memory {
    public:
        explicit memory(std::size_t text_bytes = std::size_t{1} << 20) : words_(text_bytes) {}

    private:
        friend class tokenizer;
        word_cache words_;
        regex::scratch scratch_;
    };

    /// Reads a tokenizer.json. Errors: those of reading a file and JSON; `malformed_file`,
    /// `missing_field`; `unsupported` for a component of a type that is not known here, by its name
    /// and place.
    static result<tokenizer> load(const std::string& path)
    {
        return catch_out_of_memory(path, give_more_memory, [&]() -> result<tokenizer> {
            AWQ_TRY(const json::document document, json::load(path));
            return from_json(document.root());
        });
    }

    /// The same from a text; `where` begins every error text.
    static result<tokenizer> from_json(std::string_view text, std::string_view where)
    {
        return catch_out_of_memory(where, give_more_memory, [&]() -> result<tokenizer> {
            AWQ_TRY(const json::document document, json::document::parse(text, where));
            return from_json(document.root());
        });
    }

    /// The ids of a text in UTF-8. `add_special_tokens`: with the tokens that the post-processor
    /// puts around it. Errors: `malformed_file` for a text that is no UTF-8; `unsupported` for a
    /// pattern that cannot be matched.
    result<std::vector<std::int32_t>> encode(std::string_view text, bool add_special_tokens) const
    {
        return catch_out_of_memory("text", give_more_memory, [&] {
            memory kept{text.size()};
            return encode(text, add_special_tokens, kept);
        });
    }

    /// The same with memory that is used again.
    result<std::vector<std::int32_t>> encode(std::string_view text, bool add_special_tokens, memory& kept) const
    {
        AWQ_CHECK(unicode::check_utf8(text, "text"));
        if (text.size() > INT32_MAX)
            return error{error_code::unsupported, "a text of ", text.size(),
                         " bytes is too long; cut it into texts below 2 GiB"};
        kept.scratch_.work.begin(text.size());
        std::vector<std::int32_t> ids;
        ids.reserve(text.size() / 4 + 8);
        if (add_special_tokens) ids = around_.prefix();
        AWQ_CHECK(encode_text(text, kept, ids));
        if (add_special_tokens) ids.insert(ids.end(), around_.suffix().begin(), around_.suffix().end());
        return ids;
    }

    /// The text of some ids. Ids without a token are left out, and with `skip_special_tokens` the
    /// special ones. Error: a pattern of the decoder that takes too long on these tokens.
    result<std::string> decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const
    {
        std::vector<std::string> tokens;
        tokens.reserve(ids.size());
        for (const std::int32_t id : ids)
            if (const auto text = token(id); text && !(skip_special_tokens && is_special(id)))
                tokens.emplace_back(*text);
        return decoder_.decode(std::move(tokens));
    }

    /// One more than the largest id, added tokens included.
    std::int64_t vocab_size() const noexcept { return std::max(model_.tokens().size(), added_ids_.size()); }

    /// The token with this id, as the file writes it; nothing if there is none. Lives as long as
    /// the tokenizer.
    std::optional<std::string_view> token(std::int64_t id) const noexcept
    {
        const auto added = added_ids_.token_of(id);
        return added ? added : model_.tokens().token_of(id);
    }

    /// The id of a token as the file writes it; nothing if there is none.
    std::optional<std::int32_t> id(std::string_view token) const noexcept
    {
        const auto added = added_ids_.find(token);
        return added ? added : model_.tokens().find(token);
    }

    /// Whether an id is that of a special added token (such as the beginning of a text).
    bool is_special(std::int64_t id) const noexcept
    {
        return id >= 0 && id < static_cast<std::int64_t>(is_special_.size()) &&
               is_special_[static_cast<std::size_t>(id)];
    }

    /// What the token with this id is for.
    token_type type(std::int64_t id) const noexcept
    {
        const auto text = token(id);
        if (!text) return token_type::unused;
        if (model_.options().unknown == id) return token_type::unknown;
        if (is_special(id)) return token_type::control;
        if (added_ids_.token_of(id)) return token_type::user_defined;
        return model_.options().byte_fallback && is_byte_token(*text) ? token_type::byte : token_type::normal;
    }

    tokenizer_kind kind() const noexcept
    {
        for (const auto& each : decoder_.steps())
            if (std::holds_alternative<token_decoder::byte_level>(each)) return tokenizer_kind::byte_level;
        return words_.is_byte_level() ? tokenizer_kind::byte_level : tokenizer_kind::sentencepiece;
    }

    /// Whether a space (or U+2581) is put before a text that does not begin with one.
    bool add_prefix_space() const noexcept
    {
        for (const auto& each : words_.steps()) {
            if (const auto* bytes = std::get_if<byte_level_step>(&each))
                if (bytes->add_prefix_space) return true;
            if (const auto* spaces = std::get_if<metaspace_step>(&each))
                if (spaces->scheme != metaspace_step::prepend::never) return true;
        }
        for (const auto& each : normalizer_.steps())
            if (std::holds_alternative<prepend_step>(each)) return true;
        return false;
    }

    /// The parts, for exporters: vocabulary, merges in order and flags; what rewrites, splits,
    /// wraps and decodes.
    const bpe_model& model() const noexcept { return model_; }
    const std::vector<added_token>& added_tokens() const noexcept { return added_; }
    const awq::normalizer& normalizer() const noexcept { return normalizer_; }
    const awq::pretokenizer& pretokenizer() const noexcept { return words_; }
    const awq::post_processor& post_processor() const noexcept { return around_; }
    const token_decoder& decoder() const noexcept { return decoder_; }

private:
    static json::value member_or_null(const json::value& root, std::string_view key)
    {
        return root.find(key).value_or(json::value{});
    }

    static result<tokenizer> from_json(const json::value& root)
    {
        tokenizer built;
        AWQ_TRY(const json::value model, root.at("model"));
        AWQ_TRY(built.model_, detail::read_bpe(model));
        if (const auto part = root.find_non_null("normalizer")) {
            AWQ_TRY(built.normalizer_, awq::normalizer::from_json(*part));
        }
        if (const auto part = root.find_non_null("pre_tokenizer")) {
            AWQ_TRY(built.words_, awq::pretokenizer::from_json(*part));
        }
        if (const auto part = root.find_non_null("decoder")) {
            AWQ_TRY(built.decoder_, token_decoder::from_json(*part));
        }
        if (const auto part = root.find_non_null("added_tokens")) AWQ_CHECK(built.add_tokens(*part));
        if (const auto part = root.find_non_null("post_processor")) {
            AWQ_TRY(built.around_, awq::post_processor::from_json(*part, built.vocab_size()));
        }
        AWQ_CHECK(built.build_splitters());
        return built;
    }

    status add_tokens(const json::value& list)
    {
        AWQ_TRY(const auto entries, list.as_array());
        for (const json::value& entry : entries) {
            AWQ_TRY(added_token token, read_added_token(entry));
            const auto in_model = model_.tokens().find(token.content);
            if (in_model) token.id = *in_model;
            const auto taken = model_.tokens().token_of(token.id);
            if (!in_model && taken)
                return entry.error(error_code::malformed_file, "the id ", token.id, " belongs to the token \"",
                                   printable(*taken), "\"");
            if (const status added = added_ids_.add(token.content, token.id); !added)
                return added.error().within(entry.where());
            mark(token);
            added_.push_back(std::move(token));
        }
        return {};
    }

    static result<added_token> read_added_token(const json::value& entry)
    {
        added_token token;
        AWQ_TRY(token.content, detail::short_string_field(entry, "content"));
        AWQ_TRY(const json::value id_field, entry.at("id"));
        AWQ_TRY(const std::int64_t id, id_field.as_integer());
        if (id < 0 || id >= vocabulary::max_size)
            return id_field.error(error_code::malformed_file, "the id ", id, " is out of range");
        token.id = static_cast<std::int32_t>(id);
        AWQ_TRY(token.special, detail::bool_field(entry, "special", false));
        AWQ_TRY(token.normalized, detail::bool_field(entry, "normalized", !token.special));
        AWQ_TRY(token.single_word, detail::bool_field(entry, "single_word", false));
        AWQ_TRY(token.lstrip, detail::bool_field(entry, "lstrip", false));
        AWQ_TRY(token.rstrip, detail::bool_field(entry, "rstrip", false));
        return token;
    }

    void mark(const added_token& token)
    {
        const auto index = static_cast<std::size_t>(token.id);
        if (index >= is_special_.size()) is_special_.resize(index + 1);
        is_special_[index] = token.special;
    }

    // Tokens with `normalized` are looked for in the normalized text, and so normalized themselves.
    status build_splitters()
    {
        std::vector<added_token> raw, normalized;
        std::vector<std::string> raw_texts, normalized_texts;
        regex::scratch scratch;
        std::size_t bytes = 0;
        for (const added_token& each : added_) bytes += each.content.size();
        scratch.work.begin(bytes);
        for (const added_token& each : added_) {
            if (!each.normalized) {
                raw.push_back(each);
                raw_texts.push_back(each.content);
                continue;
            }
            AWQ_TRY(std::string text, normalizer_.normalize(each.content, scratch));
            normalized.push_back(each);
            normalized_texts.push_back(std::move(text));
        }
        AWQ_TRY(raw_splitter_, added_token_splitter::build(std::move(raw), std::move(raw_texts)));
        AWQ_TRY(normalized_splitter_, added_token_splitter::build(std::move(normalized), std::move(normalized_texts)));
        return {};
    }

    // ---- encoding: added tokens, normalizer, added tokens again, words, model ----

    using id_list = std::vector<std::int32_t>;

    status encode_text(std::string_view text, memory& kept, id_list& ids) const
    {
        return raw_splitter_.split(
            text, kept.scratch_,
            [&](std::string_view part, std::size_t offset) { return encode_raw(part, offset == 0, kept, ids); },
            [&](const added_token& token) { return append(token, ids); });
    }

    status encode_raw(std::string_view part, bool starts_text, memory& kept, id_list& ids) const
    {
        if (normalizer_.empty()) return encode_normalized(part, starts_text, kept, ids);
        AWQ_TRY(const std::string normalized, normalizer_.normalize(part, kept.scratch_));
        return encode_normalized(normalized, starts_text, kept, ids);
    }

    status encode_normalized(std::string_view part, bool starts_text, memory& kept, id_list& ids) const
    {
        return normalized_splitter_.split(
            part, kept.scratch_,
            [&](std::string_view piece, std::size_t offset) {
                return words_.for_each_word(piece, starts_text && offset == 0, kept.scratch_,
                                            [&](std::string_view word) { return encode_word(word, kept, ids); });
            },
            [&](const added_token& token) { return append(token, ids); });
    }

    static status append(const added_token& token, id_list& ids)
    {
        ids.push_back(token.id);
        return {};
    }

    status encode_word(std::string_view word, memory& kept, id_list& ids) const
    {
        if (const auto known = kept.words_.find(word); !known.empty()) {
            ids.insert(ids.end(), known.begin(), known.end());
            return {};
        }
        const std::size_t first = ids.size();
        if (words_.gives_bytes())
            model_.encode(byte_alphabet::encode(word), ids);
        else
            model_.encode(word, ids);
        kept.words_.put(word, std::span{ids}.subspan(first));
        return {};
    }

    static bool is_byte_token(std::string_view token) noexcept
    {
        return token.size() == 6 && token.starts_with("<0x") && token.back() == '>' &&
               token.find_first_not_of("0123456789ABCDEF", 3) == 5;
    }

    bpe_model model_;
    awq::normalizer normalizer_;
    awq::pretokenizer words_;
    awq::post_processor around_;
    token_decoder decoder_;
    std::vector<added_token> added_;
    vocabulary added_ids_;
    std::vector<bool> is_special_;
    added_token_splitter raw_splitter_;
    added_token_splitter normalized_splitter_;
};

} // namespace awq

#endif
