// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_FORMAT_HPP
#define AWQ_TEXT_JINJA_FORMAT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/jinja/writer.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Python's two ways to format: `"%s" % x`, which the filter "format" does, and `"{}".format(x)`.
/// The conversions s, r, d, i, x and f, with width and precision; others are an error.
namespace awq::jinja {

namespace detail {

struct format_spec {
    bool left = false, zero = false, sign = false, centered = false, aligned = false;
    std::size_t width = 0;
    std::optional<std::size_t> precision;
    char type = 's';
};

inline error bad_format(std::string_view pattern)
{
    return error{error_code::unsupported, "the format \"", printable(pattern, 60), "\" is not supported"};
}

// Digits at the beginning of a text, which are taken off; nothing if there are none or too many.
inline std::optional<std::size_t> take_number(std::string_view& from)
{
    std::size_t number = 0;
    const auto read = std::from_chars(from.data(), from.data() + from.size(), number);
    if (read.ec != std::errc{}) return std::nullopt;
    from.remove_prefix(static_cast<std::size_t>(read.ptr - from.data()));
    return number;
}

// width, .precision; both limited by what a text may hold.
inline bool take_size(std::string_view& from, format_spec& spec)
{
    spec.width = take_number(from).value_or(0);
    if (!from.starts_with('.')) return true;
    from.remove_prefix(1);
    spec.precision = take_number(from);
    return spec.precision.has_value();
}

inline result<std::string> number_digits(const value& v, const format_spec& spec, std::string_view pattern)
{
    if (spec.type == 'f') {
        const std::size_t precision = spec.precision.value_or(6);
        if (precision > 500 || !std::isfinite(v.number())) return bad_format(pattern);
        char digits[1000];
        const auto end = std::to_chars(digits, digits + sizeof digits, v.number(), std::chars_format::fixed,
                                       static_cast<int>(precision))
                             .ptr;
        return std::string{digits, end};
    }
    if (!v.is_whole() && !(std::fabs(v.number()) < 9e18)) return bad_format(pattern);
    const std::int64_t whole = v.is_whole() ? v.whole() : static_cast<std::int64_t>(v.number());
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, whole, spec.type == 'x' ? 16 : 10).ptr;
    return std::string{digits, end};
}

inline result<std::string> shown(const value& v, const format_spec& spec, std::string_view pattern, budget& work)
{
    if (spec.type == 'r') return value_writer{work}.written(v);
    if (spec.type == 's') {
        AWQ_TRY(const value text, to_text(v, work));
        AWQ_CHECK(work.room_for_text(text.as_text()->size()));
        const std::size_t size =
            spec.precision ? place_of_character(*text.as_text(), *spec.precision) : text.as_text()->size();
        return text.as_text()->substr(0, size);
    }
    if (!v.is_number()) return bad_format(pattern);
    AWQ_TRY(std::string digits, number_digits(v, spec, pattern));
    if (spec.sign && digits.front() != '-') digits.insert(0, 1, '+');
    return digits;
}

inline result<std::string> formatted_value(const value& v, const format_spec& spec, std::string_view pattern,
                                           budget& work)
{
    AWQ_TRY(std::string text, shown(v, spec, pattern, work));
    const std::size_t size = count_characters(text);
    if (spec.width <= size) return text;
    const std::size_t pad = spec.width - size;
    AWQ_CHECK(work.room_for_text(spec.width > budget::text_limit ? spec.width : pad + text.size()));
    if (spec.centered) return std::string(pad / 2, ' ') + text + std::string(pad - pad / 2, ' ');
    if (spec.left) return text.append(pad, ' ');
    const bool zeros = spec.zero && v.is_number();
    const std::size_t at = zeros && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    return text.insert(at, pad, zeros ? '0' : ' ');
}

inline status append(std::string& out, std::string_view piece, budget& work)
{
    AWQ_CHECK(work.spend(piece.size()));
    if (out.size() + piece.size() > budget::text_limit) return work.room_for_text(out.size() + piece.size());
    out += piece;
    return {};
}

// What follows a '%': (name), flags, width, .precision, type; it is taken off.
inline bool take_percent(std::string_view& from, format_spec& spec, std::string_view& name)
{
    if (from.starts_with('(')) {
        const std::size_t close = from.find(')');
        if (close == from.npos) return false;
        name = from.substr(1, close - 1);
        from.remove_prefix(close + 1);
    }
    for (; !from.empty() && std::string_view{"-0+"}.find(from.front()) != from.npos; from.remove_prefix(1)) {
        spec.left |= from.front() == '-';
        spec.zero |= from.front() == '0';
        spec.sign |= from.front() == '+';
    }
    if (!take_size(from, spec) || from.empty()) return false;
    spec.type = from.front() == 'i' || from.front() == 'd' ? 'd' : from.front();
    from.remove_prefix(1);
    return std::string_view{"srdxf"}.find(spec.type) != from.npos;
}

// What follows the ':' in {...}: alignment, sign, 0, width, .precision, type.
inline bool read_braces(std::string_view from, const value& v, format_spec& spec)
{
    spec.left = !v.is_number();
    spec.type = v.is<double>() ? 'f' : v.is_whole() && !v.is<bool>() ? 'd' : 's';
    if (from.empty()) {
        spec.type = 's';
        return true;
    }
    if (std::string_view{"<>^"}.find(from.front()) != from.npos) {
        spec.left = from.front() == '<';
        spec.centered = from.front() == '^';
        from.remove_prefix(1);
    }
    if (from.starts_with('+')) spec.sign = true, from.remove_prefix(1);
    if (from.starts_with('0')) spec.zero = true, from.remove_prefix(1);
    if (!take_size(from, spec)) return false;
    if (from.empty()) return !v.is<double>() || !spec.precision; // %g, which is not done here
    spec.type = from.front();
    return from.size() == 1 &&
           (spec.type == 's' ? !v.is_number()
                             : v.is_number() && (spec.type == 'd' || spec.type == 'x' || spec.type == 'f'));
}

} // namespace detail

/// `pattern % arguments`.
inline result<value> percent_formatted(std::string_view pattern, const arguments& with, budget& work)
{
    AWQ_CHECK(work.spend(pattern.size()));
    std::string out;
    std::size_t next = 0;
    for (std::string_view rest = pattern; !rest.empty();) {
        const std::size_t plain = std::min(rest.find('%'), rest.size());
        AWQ_CHECK(detail::append(out, rest.substr(0, plain), work));
        rest.remove_prefix(std::min(plain + 1, rest.size()));
        if (plain == pattern.size() || (rest.empty() && pattern.back() != '%')) break;
        if (rest.starts_with('%')) {
            rest.remove_prefix(1);
            AWQ_CHECK(detail::append(out, "%", work));
            continue;
        }
        detail::format_spec spec;
        std::string_view name;
        if (!detail::take_percent(rest, spec, name)) return detail::bad_format(pattern);
        const value* const found = name.empty() ? with.find(next++, "") : with.named.find(name);
        if (!found)
            return error{error_code::malformed_file, "the format \"", printable(pattern, 60),
                         "\" has not enough values"};
        AWQ_TRY(const std::string piece, detail::formatted_value(*found, spec, pattern, work));
        AWQ_CHECK(detail::append(out, piece, work));
    }
    if (next < with.size())
        return error{error_code::malformed_file, "the format \"", printable(pattern, 60), "\" has too many values"};
    return work.text(std::move(out));
}

/// `pattern.format(arguments)`, with {}, {0}, {name} and {...:spec}.
inline result<value> brace_formatted(std::string_view pattern, const arguments& with, budget& work)
{
    AWQ_CHECK(work.spend(pattern.size()));
    std::string out;
    std::size_t next = 0;
    while (!pattern.empty()) {
        const std::size_t plain = std::min(pattern.find_first_of("{}"), pattern.size());
        AWQ_CHECK(detail::append(out, pattern.substr(0, plain), work));
        pattern.remove_prefix(plain);
        if (pattern.empty()) break;
        if (pattern.starts_with("{{") || pattern.starts_with("}}")) {
            AWQ_CHECK(detail::append(out, pattern.substr(0, 1), work));
            pattern.remove_prefix(2);
            continue;
        }
        const std::size_t close = pattern.find('}');
        if (pattern.front() == '}' || close == pattern.npos) return detail::bad_format(pattern);
        const std::string_view field = pattern.substr(1, close - 1);
        const std::size_t colon = std::min(field.find(':'), field.size());
        std::string_view name = field.substr(0, colon);
        const bool by_name = !name.empty() && (name.front() < '0' || name.front() > '9');
        const auto index = name.empty() ? next++ : detail::take_number(name).value_or(SIZE_MAX);
        const value* const found = by_name ? with.named.find(name) : with.find(index, "");
        detail::format_spec spec;
        if (!found || (!by_name && !name.empty()) ||
            !detail::read_braces(field.substr(std::min(colon + 1, field.size())), *found, spec))
            return detail::bad_format(pattern);
        AWQ_TRY(const std::string piece, detail::formatted_value(*found, spec, pattern, work));
        AWQ_CHECK(detail::append(out, piece, work));
        pattern.remove_prefix(close + 1);
    }
    return work.text(std::move(out));
}

} // namespace awq::jinja

#endif
