// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_TEXT_FUNCTIONS_HPP
#define AWQ_DATA_JINJA_TEXT_FUNCTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/arguments.hpp>
#include <awq/data/jinja/value.hpp>
#include <awq/data/unicode.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What Python does with texts.
namespace awq::jinja {

namespace detail {

enum class ends { both, left, right };

// Without the characters of `set` (empty: white space) at the ends.
inline std::string stripped(std::string_view text, std::string_view set, ends which)
{
    const auto in_set = [&](std::string_view character) {
        return set.empty() ? unicode::is_whitespace(unicode::decode(character).code_point)
                           : set.find(character) != set.npos;
    };
    while (which != ends::right && !text.empty()) {
        const std::size_t size = std::min(unicode::character_size(text, 0), text.size());
        if (!in_set(text.substr(0, size))) break;
        text.remove_prefix(size);
    }
    while (which != ends::left && !text.empty()) {
        const std::size_t last = unicode::last_character(text);
        if (!in_set(text.substr(last))) break;
        text = text.substr(0, last);
    }
    return std::string{text};
}

inline char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
inline char upper(char c) noexcept
{
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

// ASCII letters only.
inline std::string cased(std::string text, std::string_view how)
{
    bool in_word = false;
    for (char& each : text) {
        const bool raise = how == "upper" || ((how == "title" || how == "capitalize") && !in_word);
        const bool is_letter = lower(each) != upper(each);
        each = raise ? upper(each) : lower(each);
        in_word = how == "capitalize" || is_letter || (in_word && each == '\'');
    }
    return text;
}

inline std::string replaced(std::string_view text, std::string_view from, std::string_view to,
                            std::int64_t count)
{
    std::string out;
    if (from.empty()) return std::string{text};
    for (std::size_t at = text.find(from); at != text.npos && count != 0;
         at = text.find(from), --count) {
        out.append(text.substr(0, at)).append(to);
        text.remove_prefix(at + from.size());
    }
    return out.append(text);
}

inline value::list split(std::string_view text, std::string_view by, std::int64_t most)
{
    value::list parts;
    if (by.empty()) { // runs of white space
        while (true) {
            text.remove_prefix(unicode::leading_whitespace(text));
            if (text.empty()) return parts;
            std::size_t end = 0;
            while (end < text.size() &&
                   !unicode::is_whitespace(unicode::decode(text, end).code_point))
                end += unicode::character_size(text, end);
            if (most-- == 0) end = text.size();
            parts.push_back(value::text(std::string{text.substr(0, end)}));
            text.remove_prefix(end);
        }
    }
    for (std::size_t at = text.find(by); at != text.npos && most != 0; at = text.find(by), --most) {
        parts.push_back(value::text(std::string{text.substr(0, at)}));
        text.remove_prefix(at + by.size());
    }
    parts.push_back(value::text(std::string{text}));
    return parts;
}

// str.format with {}, {0} and {name}; nothing for anything finer.
inline std::optional<std::string> formatted(std::string_view pattern, const arguments& with)
{
    std::string out;
    std::size_t next = 0;
    while (!pattern.empty()) {
        const char c = pattern.front();
        if (pattern.starts_with("{{") || pattern.starts_with("}}") || (c != '{' && c != '}')) {
            out += c;
            pattern.remove_prefix(c == '{' || c == '}' ? 2 : 1);
            continue;
        }
        const std::size_t close = pattern.find('}');
        if (c == '}' || close == pattern.npos) return std::nullopt;
        const std::string_view name = pattern.substr(1, close - 1);
        std::size_t index = name.empty() ? next++ : with.positional.size();
        std::from_chars(name.data(), name.data() + name.size(), index);
        const value* found = with.find(index, name);
        if (!found) return std::nullopt;
        out += to_text(*found);
        pattern.remove_prefix(close + 1);
    }
    return out;
}

inline std::string indented(std::string_view text, std::int64_t width, bool first, bool blank)
{
    const std::string space(static_cast<std::size_t>(std::clamp<std::int64_t>(width, 0, 64)), ' ');
    std::string out;
    for (std::size_t line = 0, at = 0; at <= text.size(); ++line) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        if (line > 0) out += '\n';
        if ((line > 0 || first) && (blank || end > at)) out += space;
        out.append(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

} // namespace detail

} // namespace awq::jinja

#endif
