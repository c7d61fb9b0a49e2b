// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_SEQUENCES_HPP
#define AWQ_TEXT_JINJA_SEQUENCES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/mapping.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/unicode.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Values as lists of values.
namespace awq::jinja {

/// The number of characters of a valid text.
inline std::size_t count_characters(std::string_view text) noexcept
{
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char each) { return (static_cast<unsigned char>(each) & 0xC0) != 0x80; }));
}

/// The length of a text (in characters), list or mapping; nothing for others.
inline result<std::optional<std::size_t>> length(const value& v, budget& work)
{
    using found = std::optional<std::size_t>;
    if (const auto* items = v.as_list()) return found{items->size()};
    if (const auto* members = v.as_dict()) return found{members->size()};
    if (v.is_undefined()) return found{0};
    const auto* const text = v.as_text();
    if (!text) return found{};
    AWQ_CHECK(work.spend(text->size()));
    return found{count_characters(*text)};
}

/// The characters of a text, the items of a list, the keys of a mapping; nothing for others.
inline result<std::optional<value::list>> items_of(const value& v, budget& work)
{
    AWQ_TRY(const std::optional<std::size_t> size, length(v, work));
    if (!size) return std::optional<value::list>{};
    AWQ_CHECK(work.room_for_list(*size));
    if (const auto* items = v.as_list()) return std::optional{*items};
    value::list all;
    all.reserve(*size);
    if (const auto* members = v.as_dict())
        for (const mapping::member& each : *members) all.push_back(each.key);
    if (const auto* text = v.as_text()) {
        AWQ_CHECK(work.spend(*size * 64)); // each becomes a text of its own
        for (std::size_t at = 0; at < text->size();) {
            const std::size_t bytes = unicode::character_size(*text, at);
            all.push_back(value::text(text->substr(at, bytes)));
            at += bytes;
        }
    }
    return std::optional{std::move(all)};
}

/// The pairs (key, content) of a mapping.
inline result<value> pairs_of(const mapping& members, budget& work)
{
    AWQ_CHECK(work.room_for_list(members.size()));
    value::list pairs;
    pairs.reserve(members.size());
    for (const mapping::member& each : members) {
        AWQ_CHECK(work.room_for_list(2));
        AWQ_TRY(value pair, work.list({each.key, each.content}, true));
        pairs.push_back(std::move(pair));
    }
    return work.list(std::move(pairs));
}

/// Where the character with this index begins in a valid text; its size if there are not so many.
inline std::size_t place_of_character(std::string_view text, std::size_t index) noexcept
{
    std::size_t at = 0;
    for (; index > 0 && at < text.size(); --index) at += unicode::character_size(text, at);
    return std::min(at, text.size());
}

} // namespace awq::jinja

#endif
