// SPDX-License-Identifier: MIT
#ifndef AWQ_CHECKPOINT_GGUF_TOKENIZER_LOSSES_HPP
#define AWQ_CHECKPOINT_GGUF_TOKENIZER_LOSSES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/gguf_notes.hpp>
#include <awq/io/gguf/tokenizer_facts.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/support/notice.hpp>
#include <awq/text/json_fields.hpp>
#include <awq/text/tokenizer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a tokenizer.json does to texts and llama.cpp, from a GGUF file, does not.
namespace awq {

namespace detail {

/// The two steps by which a SentencePiece style tokenizer writes spaces; llama.cpp takes them itself.
inline result<bool> writes_spaces(const json::value& part, const std::string& type)
{
    constexpr std::string_view space = "\xE2\x96\x81";
    if (type == "Prepend") {
        AWQ_TRY(const std::string text, string_field(part, "prepend"));
        return text == space;
    }
    if (type != "Replace") return false;
    AWQ_TRY(const pattern_field pattern, read_pattern(part));
    AWQ_TRY(const std::string content, string_field(part, "content"));
    return pattern.text == " " && content == space;
}

/// The pieces of a SentencePiece style pre-tokenizer that cut nothing more than its model would.
inline result<bool> leaves_whole(const json::value& part, const std::string& type)
{
    if (type != "Split") return type == "Metaspace";
    AWQ_TRY(const pattern_field pattern, read_pattern(part));
    return pattern.text == " "; // there are none left
}

/// The types of a component's parts that `is_held` does not answer for.
template <class Held>
result<name_sample> lost_parts(const json::value& file, std::string_view key, std::string_view list, Held&& is_held)
{
    name_sample lost;
    if (const auto component = file.find_non_null(key))
        AWQ_CHECK(for_each_component(*component, list, [&](const json::value& part, const std::string& type) -> status {
            AWQ_TRY(const bool held, is_held(part, type));
            if (!held) lost.add(type);
            return {};
        }));
    return lost;
}

inline void note_lost_ends(const tokenizer& tokens, const gguf::special_ids& ids, notice_list& notices)
{
    const auto other = [&](const std::vector<std::int32_t>& put, std::optional<std::uint32_t> id, const char* side,
                           const char* role) {
        const bool same = put.size() == 1 && id && static_cast<std::uint32_t>(put.front()) == *id;
        if (put.empty() || same) return;
        name_sample names;
        for (const std::int32_t each : put) names.add(tokens.token(each).value_or("?"));
        notices.warn(std::string{"tokenizer.json puts "} + names.text() + " " + side +
                     " every text; llama.cpp can put only the " + role + " token there");
    };
    other(tokens.post_processor().prefix(), ids.bos, "before", "bos");
    other(tokens.post_processor().suffix(), ids.eos, "behind", "eos");
}

inline void note_lost_stripping(const tokenizer& tokens, notice_list& notices)
{
    name_sample names;
    for (const added_token& each : tokens.added_tokens())
        if (each.lstrip || each.rstrip || each.single_word) names.add(each.content);
    if (names.count() == 0) return;
    notices.warn(std::to_string(names.count()) +
                 " added tokens have lstrip, rstrip or single_word, "
                 "which llama.cpp does not do: " +
                 names.text());
}

} // namespace detail

/// Warns about every part of a tokenizer.json (`file`) that a GGUF file cannot hold. The
/// pre-tokenizer of a byte-level one is told by its name and not looked at here. Errors: those of
/// reading the file.
inline status note_tokenizer_losses(const tokenizer& tokens, const json::value& file, const gguf::special_ids& ids,
                                    notice_list& notices)
{
    const bool bytes = tokens.kind() == tokenizer_kind::byte_level;
    const auto held = [bytes](const json::value& part, const std::string& type) {
        return bytes ? result<bool>{false} : detail::writes_spaces(part, type);
    };
    AWQ_TRY(const auto steps, detail::lost_parts(file, "normalizer", "normalizers", held));
    if (steps.count() != 0)
        notices.warn("tokenizer.json normalizes texts (" + steps.text() +
                     "), llama.cpp does not: it cuts those that this changes into other tokens");
    if (!bytes) {
        AWQ_TRY(const auto cuts, detail::lost_parts(file, "pre_tokenizer", "pretokenizers", detail::leaves_whole));
        if (cuts.count() != 0)
            notices.warn("tokenizer.json cuts texts before merging (" + cuts.text() +
                         "), llama.cpp does not do that for a SentencePiece style vocabulary");
    }
    detail::note_lost_ends(tokens, ids, notices);
    detail::note_lost_stripping(tokens, notices);
    return {};
}

} // namespace awq

#endif
