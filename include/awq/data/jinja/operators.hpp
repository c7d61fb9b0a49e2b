// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_OPERATORS_HPP
#define AWQ_DATA_JINJA_OPERATORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/arguments.hpp>
#include <awq/data/jinja/sequences.hpp>
#include <awq/data/jinja/value.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace awq::jinja {

namespace detail {

inline result<value> limited(value made)
{
    const bool too_long = (made.as_text() && made.as_text()->size() > text_limit) ||
                          (made.as_list() && made.as_list()->size() > list_limit);
    if (too_long) return error{error_code::unsupported, "a text or list becomes too long"};
    return made;
}

inline result<value> repeated(const std::string& text, std::int64_t count)
{
    if (count > 0 && text.size() > text_limit / static_cast<std::size_t>(count))
        return error{error_code::unsupported, "a text becomes too long"};
    std::string all;
    for (; count > 0; --count)
        all += text;
    return value::text(std::move(all));
}

inline result<value> real(double a, std::string_view by, double b)
{
    if (by == "+") return value{a + b};
    if (by == "-") return value{a - b};
    if (by == "*") return value{a * b};
    if (by == "**") return value{std::pow(a, b)};
    if (b == 0) return error{error_code::malformed_file, "division by zero"};
    if (by == "/") return value{a / b};
    const double quotient = std::floor(a / b);
    return value{by == "//" ? quotient : a - quotient * b};
}

inline result<value> whole(std::int64_t a, std::string_view by, std::int64_t b)
{
    std::int64_t made = 0;
    if (by == "+" && !__builtin_add_overflow(a, b, &made)) return value{made};
    if (by == "-" && !__builtin_sub_overflow(a, b, &made)) return value{made};
    if (by == "*" && !__builtin_mul_overflow(a, b, &made)) return value{made};
    const bool rounds_down = by == "//" || by == "%";
    if (rounds_down && b == 0) return error{error_code::malformed_file, "division by zero"};
    if (rounds_down && b != -1) {
        const std::int64_t quotient = a / b - (a % b != 0 && (a < 0) != (b < 0));
        return value{by == "//" ? quotient : a - quotient * b};
    }
    if (by == "%") return value{std::int64_t{0}};
    if (by == "//" && a != INT64_MIN) return value{-a};
    if (by == "**" && b >= 0) {
        const double power = std::pow(static_cast<double>(a), static_cast<double>(b));
        if (std::fabs(power) < 9e15) return value{static_cast<std::int64_t>(power)};
    }
    return real(static_cast<double>(a), by, static_cast<double>(b));
}

} // namespace detail

/// The error of using a value that is not there.
inline error no_value(const value& of)
{
    const auto* what = std::get_if<value::undefined>(&of.data);
    return error{error_code::missing_field, "\"", printable(what ? what->name : ""),
                 "\" is undefined"};
}

/// `of.name`; undefined if it has no such member, an error if `of` itself is undefined.
inline result<value> member_of(const value& of, const std::string& name)
{
    if (of.is_undefined()) return no_value(of);
    const value* found = of.as_dict() ? find(*of.as_dict(), name) : nullptr;
    return found ? *found : value{value::undefined{name}};
}

/// `of[key]`; as `member_of`.
inline result<value> item_of(const value& of, const value& key)
{
    if (key.as_text() || of.is_undefined()) return member_of(of, to_text(key));
    const auto items = of.as_dict() ? std::nullopt : detail::items_of(of);
    if (!items || !key.as_integer()) return member_of(of, to_text(key));
    const auto size = static_cast<std::int64_t>(items->size());
    const std::int64_t at = *key.as_integer() < 0 ? *key.as_integer() + size : *key.as_integer();
    if (at < 0 || at >= size) return value{value::undefined{to_text(key)}};
    return (*items)[static_cast<std::size_t>(at)];
}

/// `items[from:to:step]` by Python's rules; `given` says which bounds there are, and a step is not
/// 0.
inline value::list sliced(const value::list& items, const std::int64_t (&bounds)[3],
                          const bool (&given)[3])
{
    const auto size = static_cast<std::int64_t>(items.size());
    const std::int64_t step =
        given[2] ? std::clamp<std::int64_t>(bounds[2], -size - 1, size + 1) : 1;
    const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    const auto place = [&](std::size_t i, std::int64_t fallback) {
        if (!given[i]) return fallback;
        const std::int64_t at = std::clamp(bounds[i], -size - 1, size + 1);
        return std::clamp(at < 0 ? at + size : at, low, high);
    };
    const std::int64_t first = place(0, step > 0 ? low : high),
                       end = place(1, step > 0 ? high : low);
    value::list kept;
    for (std::int64_t at = first; step > 0 ? at < end : at > end; at += step)
        kept.push_back(items[static_cast<std::size_t>(at)]);
    return kept;
}

/// `+of` or `-of`.
inline result<value> sign(std::string_view by, const value& of)
{
    if (!of.is_number()) return detail::wrong_type("the sign", by);
    if (by == "+") return of;
    if (of.as_integer() && *of.as_integer() != INT64_MIN) return value{-*of.as_integer()};
    return value{-of.number()};
}

/// `left by right`, for + - ~ * / // % and **.
inline result<value> combine(const value& left, std::string_view by, const value& right)
{
    using namespace detail;
    if (by == "~") return limited(value::text(to_text(left) + to_text(right)));
    if (by == "+" && left.as_text() && right.as_text())
        return limited(value::text(*left.as_text() + *right.as_text()));
    if (by == "+" && left.as_list() && right.as_list()) {
        value::list both = *left.as_list();
        both.insert(both.end(), right.as_list()->begin(), right.as_list()->end());
        return limited(value::of(std::move(both)));
    }
    if (by == "*" && left.as_text() && right.as_integer())
        return repeated(*left.as_text(), *right.as_integer());
    if (left.is_undefined()) return jinja::no_value(left);
    if (right.is_undefined()) return jinja::no_value(right);
    if (!left.is_number() || !right.is_number()) return detail::wrong_type("the operator", by);
    if (left.as_integer() && right.as_integer())
        return whole(*left.as_integer(), by, *right.as_integer());
    return real(left.number(), by, right.number());
}

} // namespace awq::jinja

#endif
