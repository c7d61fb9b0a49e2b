// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_BUILTINS_HPP
#define AWQ_DATA_JINJA_BUILTINS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/value.hpp>
#include <awq/data/unicode.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Filters, tests and methods that need nothing but their arguments.
namespace awq::jinja {

/// Arguments of a call: by position, then by name.
struct arguments {
    value::list positional;
    value::dict named;

    const value* find(std::size_t index, std::string_view name) const noexcept
    {
        if (index < positional.size()) return &positional[index];
        return jinja::find(named, name);
    }
    std::int64_t integer(std::size_t index, std::string_view name,
                         std::int64_t fallback) const noexcept
    {
        const value* found = find(index, name);
        return found && found->as_integer() ? *found->as_integer() : fallback;
    }
    std::string text(std::size_t index, std::string_view name, std::string_view fallback) const
    {
        const value* found = find(index, name);
        return found && found->as_text() ? *found->as_text() : std::string{fallback};
    }
    bool flag(std::size_t index, std::string_view name, bool fallback) const noexcept
    {
        const value* found = find(index, name);
        return found ? truthy(*found) : fallback;
    }
};

namespace detail {

inline error wrong_type(std::string_view what, std::string_view name)
{
    return error{error_code::malformed_file, what, " \"", printable(name),
                 "\" does not fit its value"};
}

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

// The characters of a text, the items of a list, the keys of a mapping.
inline std::optional<value::list> items_of(const value& v)
{
    if (const auto* items = v.as_list()) return *items;
    value::list all;
    if (const auto* members = v.as_dict()) {
        for (const auto& each : *members)
            all.push_back(value::text(each.first));
        return all;
    }
    if (const auto* text = v.as_text()) {
        if (text->size() > list_limit) return std::nullopt;
        for (std::size_t at = 0; at < text->size();) {
            const std::size_t size = unicode::decode(*text, at).size;
            all.push_back(value::text(text->substr(at, size)));
            at += size;
        }
        return all;
    }
    if (v.is_undefined()) return all;
    return std::nullopt;
}

inline value::list pairs_of(const value::dict& members)
{
    value::list pairs;
    for (const auto& each : members)
        pairs.push_back(value::of(value::list{value::text(each.first), each.second}));
    return pairs;
}

inline bool is_less(const value& a, const value& b) noexcept
{
    if (a.as_text() && b.as_text()) return *a.as_text() < *b.as_text();
    return a.number() < b.number();
}

} // namespace detail

namespace detail {

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

} // namespace detail

/// A method of a text, a mapping or a list; nothing if the value has none of this name.
inline std::optional<value> call_method(const value& of, std::string_view name,
                                        const arguments& with)
{
    using namespace detail;
    if (const std::string* text = of.as_text()) {
        if (name == "strip")
            return value::text(stripped(*text, with.text(0, "chars", ""), ends::both));
        if (name == "lstrip")
            return value::text(stripped(*text, with.text(0, "chars", ""), ends::left));
        if (name == "rstrip")
            return value::text(stripped(*text, with.text(0, "chars", ""), ends::right));
        if (name == "upper" || name == "lower" || name == "title" || name == "capitalize")
            return value::text(cased(*text, name));
        if (name == "format")
            if (auto made = formatted(*text, with)) return value::text(*std::move(made));
        if (name == "split")
            return value::of(
                split(*text, with.text(0, "sep", ""), with.integer(1, "maxsplit", -1)));
        if (name == "replace")
            return value::text(replaced(*text, with.text(0, "old", ""), with.text(1, "new", ""),
                                        with.integer(2, "count", -1)));
        if (name == "find") {
            const std::size_t at = text->find(with.text(0, "sub", ""));
            if (at == text->npos) return value{std::int64_t{-1}};
            return value::integer(*length(value::text(text->substr(0, at))));
        }
        if (name == "startswith" || name == "endswith") {
            const value* what = with.find(0, "prefix");
            const value::list one = what && what->as_list() ? *what->as_list()
                                    : what                  ? value::list{*what}
                                                            : value::list{};
            for (const value& each : one)
                if (each.as_text() && (name == "startswith" ? text->starts_with(*each.as_text())
                                                            : text->ends_with(*each.as_text())))
                    return value{true};
            return value{false};
        }
        if (name == "join")
            if (const auto items =
                    items_of(with.find(0, "items") ? *with.find(0, "items") : value{})) {
                std::string joined;
                for (std::size_t i = 0; i < items->size(); ++i) {
                    if (i > 0) joined += *text;
                    joined += to_text((*items)[i]);
                }
                return value::text(std::move(joined));
            }
        return std::nullopt;
    }
    if (const value::dict* members = of.as_dict()) {
        if (name == "items") return value::of(pairs_of(*members));
        if (name == "keys") return value::of(*items_of(of));
        if (name == "values") {
            value::list all;
            for (const auto& each : *members)
                all.push_back(each.second);
            return value::of(std::move(all));
        }
        if (name == "get") {
            const value* key = with.find(0, "key");
            const value* found = key && key->as_text() ? find(*members, *key->as_text()) : nullptr;
            if (found) return *found;
            return with.find(1, "default") ? *with.find(1, "default") : value{value::none{}};
        }
    }
    return std::nullopt;
}

namespace detail {

inline result<value> to_integer(const value& input, const arguments& with)
{
    if (input.as_integer()) return input;
    if (input.is_number()) return value{static_cast<std::int64_t>(input.number())};
    std::int64_t number = 0;
    const std::string text = stripped(to_text(input), "", ends::both);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = read.ec == std::errc{} && read.ptr == text.data() + text.size();
    return value{whole ? number : with.integer(0, "default", 0)};
}

inline result<value> to_real(const value& input)
{
    if (input.is_number()) return value{input.number()};
    double number = 0;
    const std::string text = stripped(to_text(input), "", ends::both);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return value{number};
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

inline result<value> list_filter(const value& input, std::string_view name, const arguments& with)
{
    auto items = items_of(input);
    if (!items) return wrong_type("the filter", name);
    if (name == "list") return value::of(*std::move(items));
    if (name == "first" || name == "last") {
        if (items->empty()) return value{value::undefined{std::string{name}}};
        return name == "first" ? items->front() : items->back();
    }
    if (name == "min" || name == "max") {
        if (items->empty()) return value{value::undefined{std::string{name}}};
        const auto ends = std::minmax_element(items->begin(), items->end(), is_less);
        return name == "min" ? *ends.first : *ends.second;
    }
    if (name == "reverse") std::reverse(items->begin(), items->end());
    if (name == "reverse" && input.as_text()) {
        std::string text;
        for (const value& each : *items)
            text += to_text(each);
        return value::text(std::move(text));
    }
    if (name == "sort") {
        std::stable_sort(items->begin(), items->end(), is_less);
        if (with.flag(0, "reverse", false)) std::reverse(items->begin(), items->end());
    }
    if (name == "unique") {
        if (items->size() > 10'000) return wrong_type("the filter", name);
        value::list kept;
        for (const value& each : *items)
            if (std::none_of(kept.begin(), kept.end(),
                             [&](const value& k) { return equal(k, each); }))
                kept.push_back(each);
        *items = std::move(kept);
    }
    return value::of(*std::move(items));
}

inline result<value> join_filter(const value& input, const arguments& with)
{
    const auto items = items_of(input);
    if (!items) return wrong_type("the filter", "join");
    const std::string by = with.text(0, "d", ""), attribute = with.text(1, "attribute", "");
    std::string joined;
    for (std::size_t i = 0; i < items->size(); ++i) {
        if (i > 0) joined += by;
        const value* each = &(*items)[i];
        if (!attribute.empty())
            each = each->as_dict() ? find(*each->as_dict(), attribute) : nullptr;
        if (each) joined += to_text(*each);
    }
    return value::text(std::move(joined));
}

inline result<value> number_filter(const value& input, std::string_view name, const arguments& with)
{
    if (!input.is_number()) return wrong_type("the filter", name);
    if (name == "abs")
        return input.as_integer()
                   ? value{*input.as_integer() < 0 ? -*input.as_integer() : *input.as_integer()}
                   : value{std::fabs(input.number())};
    const double scale = std::pow(10.0, static_cast<double>(with.integer(0, "precision", 0)));
    return value{std::nearbyint(input.number() * scale) / scale};
}

} // namespace detail

/// Applies a filter; `unsupported` for a name that is not known.
inline result<value> apply_filter(const value& input, std::string_view name, const arguments& with)
{
    using namespace detail;
    if (name == "default" || name == "d") {
        const bool replace =
            input.is_undefined() || (with.flag(1, "boolean", false) && !truthy(input));
        if (!replace) return input;
        return with.find(0, "default_value") ? *with.find(0, "default_value") : value::text({});
    }
    if (name == "trim")
        return value::text(stripped(to_text(input), with.text(0, "chars", ""), ends::both));
    if (name == "upper" || name == "lower" || name == "title" || name == "capitalize")
        return value::text(cased(to_text(input), name));
    if (name == "string" || name == "safe") return value::text(to_text(input));
    if (name == "tojson") return value::text(to_json(input, with.integer(0, "indent", -1)));
    if (name == "length" || name == "count") {
        if (const auto size = length(input)) return value::integer(*size);
        return wrong_type("the filter", name);
    }
    if (name == "int") return to_integer(input, with);
    if (name == "float") return to_real(input);
    if (name == "replace")
        return value::text(replaced(to_text(input), with.text(0, "old", ""),
                                    with.text(1, "new", ""), with.integer(2, "count", -1)));
    if (name == "indent")
        return value::text(indented(to_text(input), with.integer(0, "width", 4),
                                    with.flag(1, "first", false), with.flag(2, "blank", false)));
    if (name == "join") return join_filter(input, with);
    if (name == "items" || name == "dictsort") {
        if (input.is_undefined()) return value::of(value::list{});
        if (!input.as_dict()) return wrong_type("the filter", name);
        value::dict members = *input.as_dict();
        if (name == "dictsort")
            std::stable_sort(members.begin(), members.end(),
                             [](const auto& a, const auto& b) { return a.first < b.first; });
        return value::of(pairs_of(members));
    }
    if (name == "abs" || name == "round") return number_filter(input, name, with);
    for (const std::string_view each :
         {"list", "first", "last", "reverse", "sort", "unique", "min", "max"})
        if (name == each) return list_filter(input, name, with);
    return error{error_code::unsupported, "the filter \"", printable(name), "\" is not supported"};
}

/// Python's `in`.
inline result<bool> contains(const value& all, const value& one)
{
    if (const auto* text = all.as_text()) {
        if (!one.as_text()) return detail::wrong_type("the test", "in");
        return text->find(*one.as_text()) != text->npos;
    }
    if (const auto* members = all.as_dict())
        return one.as_text() && find(*members, *one.as_text()) != nullptr;
    const auto items = detail::items_of(all);
    if (!items) return detail::wrong_type("the test", "in");
    return std::any_of(items->begin(), items->end(),
                       [&](const value& each) { return equal(each, one); });
}

/// Compares two values by <, <=, >, >=, == or !=.
inline result<bool> compare(const value& a, std::string_view by, const value& b)
{
    if (by == "==") return equal(a, b);
    if (by == "!=") return !equal(a, b);
    if (!(a.is_number() && b.is_number()) && !(a.as_text() && b.as_text()))
        return detail::wrong_type("the comparison", by);
    if (by == "<") return detail::is_less(a, b);
    if (by == ">") return detail::is_less(b, a);
    return by == "<=" ? !detail::is_less(b, a) : !detail::is_less(a, b);
}

/// Applies a test (`is name`); `unsupported` for a name that is not known.
inline result<bool> apply_test(const value& v, std::string_view name, const arguments& with)
{
    const value other = with.positional.empty() ? value{} : with.positional.front();
    const bool is_flag = v.is<bool>();
    if (name == "defined") return !v.is_undefined();
    if (name == "undefined") return v.is_undefined();
    if (name == "none") return v.is<value::none>();
    if (name == "string") return v.as_text() != nullptr;
    if (name == "mapping") return v.as_dict() != nullptr;
    if (name == "sequence" || name == "iterable") return v.as_text() || v.as_list() || v.as_dict();
    if (name == "number") return v.is_number();
    if (name == "integer") return v.as_integer() != nullptr;
    if (name == "float") return v.is<double>();
    if (name == "boolean") return is_flag;
    if (name == "true") return is_flag && truthy(v);
    if (name == "false") return is_flag && !truthy(v);
    if (name == "callable") return v.is<value::callable>();
    if (name == "sameas") return v.data.index() == other.data.index() && equal(v, other);
    if (name == "in") return contains(other, v);
    if (name == "odd" || name == "even" || name == "divisibleby") {
        const std::int64_t by = name == "divisibleby" ? with.integer(0, "num", 0) : 2;
        if (!v.as_integer() || by == 0) return detail::wrong_type("the test", name);
        if (by == -1) return true;
        return (*v.as_integer() % by == 0) != (name == "odd");
    }
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"equalto", "=="}, {"eq", "=="},         {"==", "=="}, {"ne", "!="}, {"!=", "!="},
        {"lt", "<"},       {"lessthan", "<"},    {"<", "<"},   {"le", "<="}, {"<=", "<="},
        {"gt", ">"},       {"greaterthan", ">"}, {">", ">"},   {"ge", ">="}, {">=", ">="}};
    for (const auto& each : names)
        if (each.first == name) return compare(v, each.second, other);
    return error{error_code::unsupported, "the test \"", printable(name), "\" is not supported"};
}

namespace detail {

// What `attribute` ("a.b") of a value is; undefined if it has none.
inline value attribute_of(value of, std::string_view path)
{
    while (!path.empty()) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        const value* found = of.as_dict() ? find(*of.as_dict(), path.substr(0, dot)) : nullptr;
        value next = found ? *found : value{value::undefined{std::string{path.substr(0, dot)}}};
        of = std::move(next);
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return of;
}

inline arguments without_first(const arguments& with, std::size_t count)
{
    arguments rest = with;
    rest.positional.erase(rest.positional.begin(),
                          rest.positional.begin() +
                              static_cast<std::ptrdiff_t>(std::min(count, rest.positional.size())));
    return rest;
}

} // namespace detail

/// The filters that run a test or a filter over a list: select, reject, selectattr, rejectattr,
/// map.
inline result<value> apply_to_each(const value& input, std::string_view name, const arguments& with)
{
    const auto items = truthy(input) ? detail::items_of(input) : value::list{};
    if (!items) return detail::wrong_type("the filter", name);
    const bool by_attribute = name == "selectattr" || name == "rejectattr";
    const bool wanted = name == "select" || name == "selectattr";
    const std::string attribute =
        by_attribute ? with.text(0, "", "") : with.text(9, "attribute", "");
    const std::string function = with.text(by_attribute ? 1 : 0, "", "");
    const arguments rest = detail::without_first(with, by_attribute ? 2 : 1);
    value::list kept;
    for (const value& each : *items) {
        const value seen = detail::attribute_of(each, attribute);
        if (name == "map") {
            AWQ_TRY(value mapped,
                    attribute.empty() ? apply_filter(each, function, rest) : result<value>{seen});
            kept.push_back(std::move(mapped));
            continue;
        }
        AWQ_TRY(const bool passes,
                function.empty() ? result<bool>{truthy(seen)} : apply_test(seen, function, rest));
        if (passes == wanted) kept.push_back(each);
    }
    return value::of(std::move(kept));
}

} // namespace awq::jinja

#endif
