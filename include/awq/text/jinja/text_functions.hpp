// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_TEXT_FUNCTIONS_HPP
#define AWQ_TEXT_JINJA_TEXT_FUNCTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/text_finder.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/unicode.hpp>
#include <awq/text/unicode_normalization.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// What Python does with texts. Every size is checked and charged before a text is built.
namespace awq::jinja {

/// Which ends of a text a function works on.
enum class text_ends { both, left, right };

/// Without the characters of `set` (empty: white space) at the ends.
inline result<value> stripped(std::string_view text, std::string_view set, text_ends which, budget& work)
{
    AWQ_CHECK(work.spend(text.size()));
    const auto in_set = [&](std::string_view character) {
        return set.empty() ? unicode::is_whitespace(unicode::decode(character).code_point)
                           : set.find(character) != set.npos;
    };
    while (which != text_ends::right && !text.empty()) {
        const std::size_t size = std::min(unicode::character_size(text, 0), text.size());
        AWQ_CHECK(work.spend(set.size()));
        if (!in_set(text.substr(0, size))) break;
        text.remove_prefix(size);
    }
    while (which != text_ends::left && !text.empty()) {
        const std::size_t last = unicode::last_character(text);
        AWQ_CHECK(work.spend(set.size()));
        if (!in_set(text.substr(last))) break;
        text = text.substr(0, last);
    }
    return work.text(std::string{text});
}

/// In "upper", "lower", "title" or "capitalize" case. `word_ends` are the characters behind which
/// a title's words begin; empty: all that are no letters.
inline result<value> cased(std::string_view text, std::string_view how, budget& work, std::string_view word_ends = {})
{
    AWQ_CHECK(work.room_for_text(3 * text.size())); // a case may take more bytes
    std::string out;
    bool in_word = false;
    for (std::size_t at = 0; at < text.size();) {
        const unicode::decoded next = unicode::decode(text, at);
        const bool raise = how == "upper" || (how != "lower" && !in_word);
        raise ? unicode::append_upper(out, next.code_point) : unicode::append_lower(out, next.code_point);
        in_word =
            how == "capitalize" || (word_ends.empty() ? unicode::is_letter(next.code_point)
                                                      : word_ends.find(text.substr(at, next.size)) == word_ends.npos &&
                                                            !unicode::is_whitespace(next.code_point));
        at += next.size;
    }
    return value::text(std::move(out));
}

namespace detail {

// How often `finder` finds its text, at most `most` times.
inline result<std::size_t> count_of(const text_finder& finder, std::string_view text, std::size_t most, budget& work)
{
    std::size_t count = 0;
    for (std::size_t at = 0; count < most; ++count) {
        AWQ_TRY(const std::size_t found, finder.find(text, at, work));
        if (found == text.npos) break;
        at = found + finder.size();
    }
    return count;
}

// An empty text is found before each character and at the end.
inline result<value> interleaved(std::string_view text, std::string_view by, std::size_t most, budget& work)
{
    const std::size_t count = std::min(most, count_characters(text) + 1);
    if (by.size() > budget::text_limit) return work.text(std::string{by});
    AWQ_CHECK(work.room_for_text(text.size() + count * by.size()));
    std::string out;
    out.reserve(text.size() + count * by.size());
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t size = text.empty() ? 0 : unicode::character_size(text, 0);
        out.append(by).append(text.substr(0, size));
        text.remove_prefix(size);
    }
    return value::text(out.append(text));
}

} // namespace detail

/// `text.replace(from, to, count)`; a negative count: all.
inline result<value> replaced(std::string_view text, std::string_view from, std::string_view to, std::int64_t count,
                              budget& work)
{
    const std::size_t most = count < 0 ? SIZE_MAX : static_cast<std::size_t>(count);
    if (from.empty()) return detail::interleaved(text, to, most, work);
    const text_finder finder{from};
    AWQ_TRY(const std::size_t times, detail::count_of(finder, text, most, work));
    const std::size_t kept = text.size() - times * from.size();
    AWQ_CHECK(work.room_for_text(kept + times * to.size())); // at most 2^24 times 2^24 bytes
    std::string out;
    out.reserve(kept + times * to.size());
    std::size_t at = 0;
    for (std::size_t i = 0; i < times; ++i) {
        AWQ_TRY(const std::size_t found, finder.find(text, at, work));
        out.append(text.substr(at, found - at)).append(to);
        at = found + from.size();
    }
    return value::text(out.append(text.substr(at)));
}

/// `text.split(by, most)`; an empty `by`: at runs of white space; a negative `most`: all.
inline result<value> split(std::string_view text, std::string_view by, std::int64_t most, budget& work)
{
    value::list parts;
    const auto add = [&](std::string_view part) -> status {
        AWQ_CHECK(work.room_for_list(parts.size() + 1 > parts.capacity() ? parts.size() + 1 : 1));
        AWQ_TRY(value made, work.text(std::string{part}));
        parts.push_back(std::move(made));
        return {};
    };
    if (by.empty()) AWQ_CHECK(work.spend(text.size()));
    while (by.empty()) {
        text.remove_prefix(unicode::leading_whitespace(text));
        if (text.empty()) return work.list(std::move(parts));
        std::size_t end = 0;
        while (end < text.size() && !unicode::is_whitespace(unicode::decode(text, end).code_point))
            end += unicode::character_size(text, end);
        if (most-- == 0) end = text.size();
        AWQ_CHECK(add(text.substr(0, end)));
        text.remove_prefix(end);
    }
    const text_finder finder{by};
    for (; most != 0; --most) {
        AWQ_TRY(const std::size_t at, finder.find(text, 0, work));
        if (at == text.npos) break;
        AWQ_CHECK(add(text.substr(0, at)));
        text.remove_prefix(at + by.size());
    }
    AWQ_CHECK(add(text));
    return work.list(std::move(parts));
}

/// Every line but the first (or with it), and but empty ones (or with them), behind `space`.
inline result<value> indented(std::string_view text, std::string_view space, bool first, bool blank, budget& work)
{
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    if (space.size() > budget::text_limit) return work.text(std::string{space});
    AWQ_CHECK(work.spend(text.size()));
    AWQ_CHECK(work.room_for_text(text.size() + lines * space.size()));
    std::string out;
    for (std::size_t line = 0, at = 0; at <= text.size(); ++line) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        if (line > 0) out += '\n';
        if (line == 0 ? first : (blank || end > at)) out += space;
        out.append(text.substr(at, end - at));
        at = end + 1;
    }
    return value::text(std::move(out));
}

/// With spaces on both sides, `width` characters wide.
inline result<value> centered(std::string_view text, std::int64_t width, budget& work)
{
    AWQ_CHECK(work.spend(text.size()));
    const auto size = static_cast<std::int64_t>(count_characters(text));
    if (width <= size) return work.text(std::string{text});
    const auto pad = static_cast<std::size_t>(width - size);
    AWQ_CHECK(work.room_for_text(pad > budget::text_limit ? pad : text.size() + pad));
    const std::size_t left = pad / 2 + (pad & static_cast<std::size_t>(width) & 1);
    return value::text(std::string(left, ' ').append(text).append(pad - left, ' '));
}

/// `&`, `<`, `>` and quotes as HTML writes them.
inline result<value> escaped(std::string_view text, budget& work)
{
    AWQ_CHECK(work.room_for_text(5 * text.size())); // "&#34;"
    std::string out;
    for (const char each : text) switch (each) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&#34;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += each;
        }
    return value::text(std::move(out));
}

/// As a part of a URL: %XX for all but letters, digits and "_.-~/".
inline result<std::string> url_quoted(std::string_view text, bool keeps_slash, budget& work)
{
    AWQ_CHECK(work.room_for_text(3 * text.size()));
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (const char each : text) {
        const bool plain =
            (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9') ||
            std::string_view{"_.-~"}.find(each) != std::string_view::npos || (each == '/' && keeps_slash);
        const auto byte = static_cast<unsigned char>(each);
        if (plain)
            out += each;
        else
            ((out += '%') += hex[byte >> 4]) += hex[byte & 15];
    }
    return out;
}

} // namespace awq::jinja

#endif
