// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_WRITER_HPP
#define AWQ_TEXT_JINJA_WRITER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/comparison.hpp>
#include <awq/text/jinja/mapping.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/unicode.hpp>
#include <awq/text/unicode_normalization.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Values as Python prints them, and as its module `json` does.
namespace awq::jinja {

/// How JSON is written; the fields are those of Python's json.dumps.
struct json_style {
    bool ensure_ascii = false;
    std::optional<std::string> indent; ///< of one level; without it all is on one line
    std::string item_separator = ", ", key_separator = ": ";
    bool sort_keys = false;
};

/// Python's repr of a float: the shortest digits that read back the same.
inline std::string real_text(double number)
{
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
    char digits[40];
    const auto end = std::to_chars(digits, digits + sizeof digits, number, std::chars_format::scientific).ptr;
    const std::string text{digits, end};
    const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
    if (exponent < -4 || exponent >= 16) return text;
    char plain[400];
    std::string fixed{plain, std::to_chars(plain, plain + sizeof plain, number, std::chars_format::fixed).ptr};
    if (fixed.find('.') == std::string::npos) fixed += ".0";
    return fixed;
}

namespace detail {

inline void append_hex(std::string& out, std::string_view prefix, unsigned code, int digits)
{
    constexpr std::string_view hex = "0123456789abcdef";
    out += prefix;
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += hex[code >> shift & 15];
}

inline char short_escape(char32_t code) noexcept
{
    constexpr std::string_view codes = "\n\r\t\b\f", names = "nrtbf";
    const std::size_t at = code < 0x20 ? codes.find(static_cast<char>(code)) : codes.npos;
    return at == codes.npos ? '\0' : names[at];
}

inline std::string json_string(std::string_view text, bool ensure_ascii)
{
    std::string out = "\"";
    for (std::size_t at = 0; at < text.size();) {
        const unicode::decoded next = unicode::decode(text, at);
        const char32_t code = next.code_point;
        if (code == '"' || code == '\\')
            (out += '\\') += static_cast<char>(code);
        else if (const char name = short_escape(code))
            (out += '\\') += name;
        else if (ensure_ascii && code > 0xFFFF) {
            append_hex(out, "\\u", 0xD7C0 + (code >> 10), 4);
            append_hex(out, "\\u", 0xDC00 + (code & 0x3FF), 4);
        } else if (code < 0x20 || (ensure_ascii && code > 0x7E))
            append_hex(out, "\\u", code, 4);
        else
            out.append(text, at, next.size);
        at += next.size;
    }
    return out += '"';
}

// What Python's repr shows of a character that it does not print as it stands.
inline void append_python_escape(std::string& out, char32_t code)
{
    if (code < 0x100)
        append_hex(out, "\\x", code, 2);
    else if (code <= 0xFFFF)
        append_hex(out, "\\u", code, 4);
    else
        append_hex(out, "\\U", code, 8);
}

inline std::string python_string(std::string_view text)
{
    const bool has_single = text.find('\'') != text.npos, has_double = text.find('"') != text.npos;
    const char32_t quote = has_single && !has_double ? '"' : '\'';
    std::string out(1, static_cast<char>(quote));
    for (std::size_t at = 0; at < text.size();) {
        const unicode::decoded next = unicode::decode(text, at);
        const char32_t code = next.code_point;
        const char name = short_escape(code);
        if (code == quote || code == '\\')
            (out += '\\') += static_cast<char>(code);
        else if (code == '\n' || code == '\r' || code == '\t')
            (out += '\\') += name;
        else if (!unicode::is_printable(code))
            append_python_escape(out, code);
        else
            out.append(text, at, next.size);
        at += next.size;
    }
    return out += static_cast<char>(quote);
}

} // namespace detail

/// Writes one value; charges what it writes.
class value_writer {
public:
    /// As Python's repr.
    explicit value_writer(budget& work) : work_(work) {}
    value_writer(budget& work, const json_style& style) : work_(work), json_(&style) {}

    bool sorts_keys = false;

    result<std::string> written(const value& v) &&
    {
        AWQ_CHECK(write(v, 0));
        return std::move(out_);
    }

private:
    status put(std::string_view piece)
    {
        AWQ_CHECK(work_.spend(piece.size() + 1));
        if (out_.size() + piece.size() > budget::text_limit) return work_.room_for_text(out_.size() + piece.size());
        out_ += piece;
        return {};
    }

    status write(const value& v, std::size_t depth)
    {
        AWQ_CHECK(work_.spend(budget::step));
        if (const sequence* const list = v.as_sequence()) return write_list(*list, depth);
        if (const mapping* const members = v.as_dict()) return write_mapping(*members, depth);
        if (const auto* text = v.as_text()) return put_string(*text);
        AWQ_TRY(const std::string_view name, name_of(v));
        if (!name.empty()) return put(name);
        return put(number_text(v));
    }

    // A text grows up to sixfold (\u0000).
    status put_string(const std::string& text)
    {
        AWQ_CHECK(work_.room_for_text(text.size()));
        return put(json_ ? detail::json_string(text, json_->ensure_ascii) : detail::python_string(text));
    }

    std::string number_text(const value& v) const
    {
        if (v.as_integer()) return std::to_string(*v.as_integer());
        if (json_ && std::isnan(v.number())) return "NaN";
        if (json_ && std::isinf(v.number())) return v.number() < 0 ? "-Infinity" : "Infinity";
        return real_text(v.number());
    }

    // Of what is neither a number nor holds anything; empty for numbers.
    result<std::string_view> name_of(const value& v) const
    {
        using name = std::string_view;
        if (v.is<bool>() && json_) return name{truthy(v) ? "true" : "false"};
        if (v.is<bool>()) return name{truthy(v) ? "True" : "False"};
        if (v.is<value::none>()) return name{json_ ? "null" : "None"};
        if (v.is_number()) return name{};
        if (json_)
            return error{error_code::invalid_argument,
                         "the filter \"tojson\": ", v.is_undefined() ? "an undefined value" : "a function",
                         " cannot be written as JSON"};
        return name{v.is_undefined() ? "Undefined" : "<function>"};
    }

    status line(std::size_t depth)
    {
        if (!json_ || !json_->indent) return {};
        AWQ_CHECK(put("\n"));
        for (; depth > 0; --depth) AWQ_CHECK(put(*json_->indent));
        return {};
    }

    status separate(bool first, std::size_t depth)
    {
        if (!first) AWQ_CHECK(put(json_ ? std::string_view{json_->item_separator} : ", "));
        return line(depth + 1);
    }

    status write_list(const sequence& list, std::size_t depth)
    {
        const bool is_tuple = list.is_tuple && !json_;
        AWQ_CHECK(put(is_tuple ? "(" : "["));
        for (std::size_t i = 0; i < list.items.size(); ++i) {
            AWQ_CHECK(separate(i == 0, depth));
            AWQ_CHECK(write(list.items[i], depth + 1));
        }
        if (!list.items.empty()) AWQ_CHECK(line(depth));
        if (is_tuple && list.items.size() == 1) AWQ_CHECK(put(","));
        return put(is_tuple ? ")" : "]");
    }

    status write_mapping(const mapping& all, std::size_t depth)
    {
        AWQ_TRY(const auto members, ordered(all));
        AWQ_CHECK(put("{"));
        for (std::size_t i = 0; i < members.size(); ++i) {
            AWQ_CHECK(separate(i == 0, depth));
            AWQ_CHECK(write_key(members[i]->key));
            AWQ_CHECK(put(json_ ? std::string_view{json_->key_separator} : ": "));
            AWQ_CHECK(write(members[i]->content, depth + 1));
        }
        if (!members.empty()) AWQ_CHECK(line(depth));
        return put("}");
    }

    // JSON's keys are strings.
    status write_key(const value& key)
    {
        if (!json_ || key.as_text()) return write(key, 0);
        AWQ_CHECK(put("\""));
        AWQ_CHECK(write(key, 0));
        return put("\"");
    }

    result<std::vector<const mapping::member*>> ordered(const mapping& all)
    {
        AWQ_CHECK(work_.room_for_list(all.size()));
        std::vector<const mapping::member*> members;
        for (const mapping::member& each : all) members.push_back(&each);
        if (!sorts_keys && !(json_ && json_->sort_keys)) return members;
        status failed{};
        std::stable_sort(members.begin(), members.end(), [&](const auto* a, const auto* b) {
            if (!failed) return false;
            const auto before = less(a->key, b->key, work_);
            if (!before) failed = before.error();
            return before && *before;
        });
        AWQ_CHECK(failed);
        return members;
    }

    budget& work_;
    const json_style* json_ = nullptr;
    std::string out_;
};

/// What `{{ v }}` prints, shared where it is a text already.
inline result<value> to_text(const value& v, budget& work)
{
    if (v.as_text()) return v;
    if (v.is_undefined()) return value::text({});
    AWQ_TRY(std::string text, value_writer{work}.written(v));
    return value::text(std::move(text));
}

} // namespace awq::jinja

#endif
