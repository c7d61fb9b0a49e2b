// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_VOCABULARY_HPP
#define AWQ_IO_GGUF_VOCABULARY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/tokenizer_facts.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

/// From a Hugging Face tokenizer to what a GGUF file holds of it.
namespace awq::gguf {

/// A token of tokenizer.json's "added_tokens".
struct added_token {
    std::uint32_t id = 0;
    std::string content;
    bool special = false;
};

/// Where one special id comes from: `text` is "<role>_token" of tokenizer_config.json (may be
/// empty), `id` is "<role>_token_id" of config.json where that is a single number.
struct special_token_source {
    std::string role; ///< bos, eos, unk, sep, pad, cls, mask
    std::string text;
    std::optional<std::uint32_t> id;
};

/// The tokenizer's plain facts.
struct vocabulary {
    std::size_t size = 0;                                      ///< config.json's vocab_size: the rows of the embedding
    std::vector<std::pair<std::string, std::uint32_t>> tokens; ///< model.vocab, verbatim
    std::vector<added_token> added;
    std::vector<std::pair<std::string, std::string>> merges; ///< best first
    std::vector<special_token_source> specials;
    std::string unknown_text; ///< model.unk_token; may be empty
    std::string pre;          ///< byte-level BPE only; see pre_tokenizer.hpp
    std::optional<bool> add_bos, add_eos, add_space_prefix;
    std::string chat_template;
    std::vector<named_template> templates; ///< beside that; by their keys
};

namespace detail {

inline constexpr std::string_view lower_one_eighth_block = "\u2581"; // SentencePiece's space
inline constexpr std::string_view full_width_bar = "\uFF5C";
inline constexpr std::string_view byte_space = "\u0120"; // a space in the byte-level alphabet

inline std::string replace_all(std::string_view text, std::string_view from, std::string_view to)
{
    std::string replaced;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t found = std::min(text.find(from, at), text.size());
        replaced.append(text.substr(at, found - at));
        if (found < text.size()) replaced.append(to);
        at = found < text.size() ? found + from.size() : found;
    }
    return replaced;
}

// Tokens that are control tokens by their looks, whatever tokenizer.json says of them.
inline bool looks_special(std::string_view text) noexcept
{
    for (const std::string_view known : {"<pad>", "<mask>", "<2mass>", "[@BOS@]"})
        if (text == known) return true;
    const auto framed = [text](std::string_view open, std::string_view close) {
        return text.size() >= open.size() + close.size() && text.starts_with(open) && text.ends_with(close);
    };
    const std::string bar{full_width_bar};
    return framed("<|", "|>") || framed("<" + bar, bar + ">") || framed("<unused", ">");
}

// Places the vocabulary and the added tokens; what is left becomes unique, unused text.
inline status place_tokens(const vocabulary& from, tokenizer_facts& facts)
{
    std::vector<bool> taken(from.size, false);
    facts.tokens.resize(from.size);
    facts.types.assign(from.size, token_type::normal);
    const auto place = [&](std::uint32_t id, std::string text, token_type type) -> status {
        if (id >= from.size)
            return error{error_code::malformed_file, "token \"", printable(text), "\" has id ", id,
                         " but the embedding has ",  from.size,  " rows"};
        facts.tokens[id] = std::move(text);
        facts.types[id] = type;
        taken[id] = true;
        return {};
    };
    for (const auto& [text, id] : from.tokens) {
        AWQ_CHECK(place(id, text, token_type::normal));
    }
    for (const added_token& each : from.added) {
        const bool control = each.special || looks_special(each.content);
        AWQ_CHECK(place(each.id, control ? each.content : replace_all(each.content, lower_one_eighth_block, " "),
                        control ? token_type::control : token_type::user_defined));
    }
    for (std::size_t id = 0; id < from.size; ++id) {
        if (taken[id]) continue;
        facts.tokens[id] = "[PAD" + std::to_string(id) + "]";
        facts.types[id] = token_type::unused;
    }
    return {};
}

// llama.cpp ends the process over a token that comes twice.
inline status check_unique(std::span<const std::string> tokens)
{
    std::unordered_set<std::string_view> seen;
    for (const std::string& each : tokens)
        if (!seen.insert(each).second)
            return error{error_code::malformed_file, "token \"", printable(each),
                         "\" comes twice in the vocabulary, which llama.cpp does not allow"};
    return {};
}

inline std::optional<std::uint32_t>* id_of_role(special_ids& ids, std::string_view role) noexcept
{
    if (role == "bos") return &ids.bos;
    if (role == "eos") return &ids.eos;
    if (role == "unk") return &ids.unknown;
    if (role == "sep") return &ids.separator;
    if (role == "pad") return &ids.padding;
    if (role == "cls") return &ids.cls;
    return role == "mask" ? &ids.mask : nullptr;
}

inline void find_special_ids(const vocabulary& from, tokenizer_facts& facts)
{
    for (const special_token_source& source : from.specials) {
        std::optional<std::uint32_t>* const id = id_of_role(facts.ids, source.role);
        if (id == nullptr) continue;
        const auto at = std::find_if(from.added.begin(), from.added.end(), [&](const auto& each) {
            return !source.text.empty() && each.content == source.text;
        });
        if (at != from.added.end())
            *id = at->id;
        else if (source.id && *source.id < from.size)
            *id = source.id;
    }
}

inline result<tokenizer_facts> common_facts(const vocabulary& from)
{
    tokenizer_facts facts;
    AWQ_CHECK(place_tokens(from, facts));
    AWQ_CHECK(check_unique(facts.tokens));
    find_special_ids(from, facts);
    facts.add_bos = from.add_bos;
    facts.add_eos = from.add_eos;
    facts.add_space_prefix = from.add_space_prefix;
    facts.chat_template = from.chat_template;
    facts.templates = from.templates;
    return facts;
}

inline bool is_byte_token(std::string_view text) noexcept
{
    const auto hex = [](char digit) { return (digit >= '0' && digit <= '9') || (digit >= 'A' && digit <= 'F'); };
    return text.size() == 6 && text.starts_with("<0x") && hex(text[3]) && hex(text[4]) && text[5] == '>';
}

inline bool is_one_character(std::string_view text) noexcept
{
    const auto continues = [](char each) { return (static_cast<unsigned char>(each) & 0xC0) == 0x80; };
    return !text.empty() && std::all_of(text.begin() + 1, text.end(), continues);
}

} // namespace detail

/// A byte-level BPE vocabulary ("gpt2"): tokens stay in the printable byte alphabet, merges are
/// "left right". Errors: `malformed_file` where an id is beyond the embedding or a token comes
/// twice.
inline result<tokenizer_facts> byte_level_facts(const vocabulary& from)
{
    AWQ_TRY(auto facts, detail::common_facts(from));
    facts.model = "gpt2";
    facts.pre = from.pre;
    facts.merges.reserve(from.merges.size());
    for (const auto& [left, right] : from.merges)
        facts.merges.push_back(detail::replace_all(left, " ", detail::byte_space) + " " +
                               detail::replace_all(right, " ", detail::byte_space));
    return facts;
}

/// A SentencePiece-style BPE vocabulary with byte fallback ("llama"). llama.cpp merges the pair
/// whose token has the highest score, so a token's score is minus the rank of the first merge that
/// makes it; this equals the scores of the original SentencePiece model up to a shift. (llama.cpp's
/// converter, without a tokenizer.model, gives all tokens one score, which cuts text wrongly.)
/// Errors: as above; `unsupported` without the 256 byte tokens.
inline result<tokenizer_facts> sentencepiece_facts(const vocabulary& from)
{
    AWQ_TRY(auto facts, detail::common_facts(from));
    facts.model = "llama";
    facts.pre = "default";
    std::unordered_map<std::string, float> ranks;
    for (const auto& [left, right] : from.merges) ranks.emplace(left + right, -static_cast<float>(ranks.size()));
    const float below_all = -static_cast<float>(ranks.size() + 1);
    facts.scores.assign(facts.tokens.size(), 0.0f);
    std::size_t bytes = 0;
    for (std::size_t id = 0; id < facts.tokens.size(); ++id) {
        const std::string& text = facts.tokens[id];
        if (text == from.unknown_text) facts.types[id] = token_type::unknown;
        if (facts.types[id] != token_type::normal) continue;
        const auto rank = ranks.find(text);
        if (detail::is_byte_token(text)) {
            facts.types[id] = token_type::byte;
            ++bytes;
        } else if (rank != ranks.end()) {
            facts.scores[id] = rank->second;
        } else if (!detail::is_one_character(text)) {
            facts.scores[id] = below_all;
        }
    }
    if (bytes != 256)
        return error{error_code::unsupported, "the vocabulary has ", bytes,
                     " of the 256 byte tokens \"<0x00>\" to \"<0xFF>\", without which llama.cpp "
                     "cannot cut every text"};
    return facts;
}

} // namespace awq::gguf

#endif
