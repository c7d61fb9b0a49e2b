// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_VALUE_HPP
#define AWQ_DATA_JINJA_VALUE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/unicode.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// A small part of the Jinja template language
/// (https://jinja.palletsprojects.com/en/stable/templates/): what chat templates of language models
/// use.
namespace awq::jinja {

struct statement;

/// No text of a template may become longer than this.
inline constexpr std::size_t text_limit = std::size_t{16} << 20;

/// No list may become longer than this.
inline constexpr std::size_t list_limit = 1'000'000;

/// A value of a template. Lists and mappings are shared, as in Python.
struct value {
    using list = std::vector<value>;
    using dict = std::vector<std::pair<std::string, value>>; // in insertion order
    struct undefined {
        std::string name; // what was looked for
    };
    struct none {};
    /// A macro, or a function of the environment by its name.
    struct callable {
        std::string name;
        const statement* macro = nullptr;
    };
    std::variant<undefined, none, bool, std::int64_t, double, std::string, std::shared_ptr<list>,
                 std::shared_ptr<dict>, callable>
        data;

    static value text(std::string content) { return {std::move(content)}; }
    static value integer(std::size_t number) { return {static_cast<std::int64_t>(number)}; }
    static value of(list content) { return {std::make_shared<list>(std::move(content))}; }
    static value of(dict content) { return {std::make_shared<dict>(std::move(content))}; }

    template <class T>
    bool is() const noexcept
    {
        return std::holds_alternative<T>(data);
    }
    const std::string* as_text() const noexcept { return std::get_if<std::string>(&data); }
    const std::int64_t* as_integer() const noexcept { return std::get_if<std::int64_t>(&data); }
    const list* as_list() const noexcept
    {
        const auto* found = std::get_if<std::shared_ptr<list>>(&data);
        return found ? found->get() : nullptr;
    }
    dict* as_dict() const noexcept
    {
        const auto* found = std::get_if<std::shared_ptr<dict>>(&data);
        return found ? found->get() : nullptr;
    }
    bool is_undefined() const noexcept { return is<undefined>(); }
    bool is_number() const noexcept { return is<std::int64_t>() || is<double>() || is<bool>(); }
    double number() const noexcept
    {
        if (const auto* whole = as_integer()) return static_cast<double>(*whole);
        if (const auto* real = std::get_if<double>(&data)) return *real;
        const auto* flag = std::get_if<bool>(&data);
        return flag && *flag ? 1 : 0;
    }
};

/// The member of a mapping, or null.
inline const value* find(const value::dict& members, std::string_view key) noexcept
{
    for (const auto& each : members)
        if (each.first == key) return &each.second;
    return nullptr;
}

/// Sets the member of a mapping.
inline void set(value::dict& members, std::string_view key, value content)
{
    for (auto& each : members)
        if (each.first == key) {
            each.second = std::move(content);
            return;
        }
    members.emplace_back(key, std::move(content));
}

/// Python's truth.
inline bool truthy(const value& v) noexcept
{
    if (const auto* text = v.as_text()) return !text->empty();
    if (const auto* items = v.as_list()) return !items->empty();
    if (const auto* members = v.as_dict()) return !members->empty();
    if (v.is_number()) return v.number() != 0;
    return v.is<value::callable>();
}

namespace detail {

// `budget` bounds the work on lists that hold each other many times over.
inline bool equal_within(const value& a, const value& b, std::size_t& budget) noexcept
{
    if (budget == 0) return false;
    --budget;
    const auto same = [&](const value& x, const value& y) { return equal_within(x, y, budget); };
    if (a.as_integer() && b.as_integer()) return *a.as_integer() == *b.as_integer();
    if (a.is_number() && b.is_number()) return a.number() == b.number();
    if (a.as_text() && b.as_text()) return *a.as_text() == *b.as_text();
    if (a.as_list() && b.as_list())
        return std::equal(a.as_list()->begin(), a.as_list()->end(), b.as_list()->begin(),
                          b.as_list()->end(), same);
    if (a.as_dict() && b.as_dict()) {
        if (a.as_dict()->size() != b.as_dict()->size()) return false;
        for (const auto& each : *a.as_dict()) {
            const value* other = find(*b.as_dict(), each.first);
            if (!other || !same(each.second, *other)) return false;
        }
        return true;
    }
    return a.data.index() == b.data.index() && (a.is<value::none>() || a.is_undefined());
}

// How deep lists and mappings hold each other; more than `most` counts as too deep, and so does too
// much to look at.
inline bool deeper_than(const value& v, std::size_t most, std::size_t& budget) noexcept
{
    if (budget == 0) return true;
    --budget;
    if (!v.as_list() && !v.as_dict()) return false;
    if (most == 0) return true;
    if (const auto* items = v.as_list())
        return std::any_of(items->begin(), items->end(),
                           [&](const value& each) { return deeper_than(each, most - 1, budget); });
    return std::any_of(v.as_dict()->begin(), v.as_dict()->end(), [&](const auto& each) {
        return deeper_than(each.second, most - 1, budget);
    });
}

} // namespace detail

/// Python's `==`; false for lists and mappings that hold more than 100000 values.
inline bool equal(const value& a, const value& b) noexcept
{
    std::size_t budget = 100'000;
    return detail::equal_within(a, b, budget);
}

/// Whether lists and mappings are nested more than 1000 deep in this value, or hold more than ten
/// million values.
inline bool is_unbounded(const value& v) noexcept
{
    std::size_t budget = list_limit;
    return detail::deeper_than(v, 1000, budget);
}

/// The length of a text (in characters), list or mapping; nothing for others.
inline std::optional<std::size_t> length(const value& v) noexcept
{
    if (const auto* items = v.as_list()) return items->size();
    if (const auto* members = v.as_dict()) return members->size();
    if (const auto* text = v.as_text())
        return static_cast<std::size_t>(std::count_if(text->begin(), text->end(), [](char each) {
            return (static_cast<unsigned char>(each) & 0xC0) != 0x80;
        }));
    if (v.is_undefined()) return std::size_t{0};
    return std::nullopt;
}

namespace detail {

inline std::string real_text(double number)
{
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
    char digits[40];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    std::string text{digits, end};
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
}

inline void append_escape(std::string& out, unsigned char each)
{
    constexpr std::string_view hex = "0123456789abcdef";
    out += "\\u00";
    out += hex[each >> 4];
    out += hex[each & 15];
}

inline std::string json_string(std::string_view text)
{
    std::string out = "\"";
    for (const char each : text) {
        if (each == '"' || each == '\\')
            out += '\\', out += each;
        else if (each == '\n')
            out += "\\n";
        else if (each == '\r')
            out += "\\r";
        else if (each == '\t')
            out += "\\t";
        else if (each == '\b')
            out += "\\b";
        else if (each == '\f')
            out += "\\f";
        else if (static_cast<unsigned char>(each) < 0x20)
            append_escape(out, static_cast<unsigned char>(each));
        else
            out += each;
    }
    return out += '"';
}

// How Python writes a text inside a list.
inline std::string python_string(std::string_view text)
{
    const bool has_single = text.find('\'') != text.npos, has_double = text.find('"') != text.npos;
    const char quote = has_single && !has_double ? '"' : '\'';
    std::string out(1, quote);
    for (const char each : text) {
        if (each == quote || each == '\\')
            out += '\\', out += each;
        else if (each == '\n')
            out += "\\n";
        else if (each == '\r')
            out += "\\r";
        else if (each == '\t')
            out += "\\t";
        else
            out += each;
    }
    return out += quote;
}

// Writes lists and mappings for `str` and for JSON.
struct writer {
    bool json = false;
    std::int64_t indent = -1; // negative: on one line
    std::string out;

    void line(std::size_t depth)
    {
        if (indent < 0) return;
        out += '\n';
        out.append(depth * static_cast<std::size_t>(indent), ' ');
    }

    void scalar(const value& v)
    {
        if (const auto* text = v.as_text())
            out += json ? json_string(*text) : python_string(*text);
        else if (const auto* whole = v.as_integer())
            out += std::to_string(*whole);
        else if (const auto* real = std::get_if<double>(&v.data))
            out += real_text(*real);
        else if (const auto* flag = std::get_if<bool>(&v.data))
            out += *flag ? (json ? "true" : "True") : (json ? "false" : "False");
        else
            out += json ? "null" : v.is_undefined() ? "Undefined" : "None";
    }

    void write(const value& v, std::size_t depth = 0)
    {
        if (out.size() > text_limit) return; // whoever prints it refuses it
        if (const auto* items = v.as_list()) {
            write_all(*items, '[', ']', depth, [&](const value& each) { write(each, depth + 1); });
        } else if (const auto* members = v.as_dict()) {
            write_all(*members, '{', '}', depth, [&](const auto& each) {
                out += json ? json_string(each.first) : python_string(each.first);
                out += ": ";
                write(each.second, depth + 1);
            });
        } else {
            scalar(v);
        }
    }

    template <class Items, class Write>
    void write_all(const Items& items, char open, char close, std::size_t depth, Write&& each_item)
    {
        out += open;
        bool first = true;
        for (const auto& each : items) {
            if (!first) out += indent < 0 ? ", " : ",";
            first = false;
            line(depth + 1);
            each_item(each);
        }
        if (!first) line(depth);
        out += close;
    }
};

} // namespace detail

/// What `{{ v }}` prints.
inline std::string to_text(const value& v)
{
    if (const auto* text = v.as_text()) return *text;
    if (v.is_undefined()) return {};
    detail::writer out;
    out.write(v);
    return std::move(out.out);
}

/// JSON as Python writes it, without escaping other scripts. `indent` below 0: on one line.
inline std::string to_json(const value& v, std::int64_t indent)
{
    detail::writer out;
    out.json = true;
    out.indent = std::min<std::int64_t>(indent, 64);
    out.write(v);
    return std::move(out.out);
}

/// A JSON value as a template sees it.
inline value from_json(const json::value& from)
{
    if (from.is_object()) {
        value::dict members;
        for (const json::member& each : from.members())
            set(members, each.key, from_json(each.value));
        return value::of(std::move(members));
    }
    if (from.is_array()) {
        value::list items;
        for (const json::value& each : from.elements())
            items.push_back(from_json(each));
        return value::of(std::move(items));
    }
    if (const auto text = from.as_string()) return value::text(std::string{*text});
    if (const auto flag = from.as_bool()) return {*flag};
    if (const auto whole = from.as_integer()) return {*whole};
    if (const auto real = from.as_number()) return {*real};
    return {value::none{}};
}

} // namespace awq::jinja

#endif
