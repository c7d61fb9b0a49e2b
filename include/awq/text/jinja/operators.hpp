// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_OPERATORS_HPP
#define AWQ_TEXT_JINJA_OPERATORS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/format.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/jinja/writer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace awq::jinja {

namespace detail {

inline result<value> real(double a, std::string_view by, double b)
{
    if (by == "+") return value{a + b};
    if (by == "-") return value{a - b};
    if (by == "*") return value{a * b};
    if (by == "**") {
        const double power = std::pow(a, b);
        if (std::isfinite(power) || !std::isfinite(a) || !std::isfinite(b)) return value{power};
        return error{error_code::malformed_file, "the power is no number, or too large"};
    }
    if (b == 0) return error{error_code::malformed_file, "division by zero"};
    if (by == "/") return value{a / b};
    const double quotient = std::floor(a / b);
    return value{by == "//" ? quotient : a - quotient * b};
}

// By squaring; false if it does not fit.
inline bool power(std::int64_t a, std::int64_t b, std::int64_t& made) noexcept
{
    made = 1;
    for (; b > 0; b >>= 1) {
        if ((b & 1) && __builtin_mul_overflow(made, a, &made)) return false;
        if (b > 1 && __builtin_mul_overflow(a, a, &a)) return false;
    }
    return true;
}

inline result<value> whole(std::int64_t a, std::string_view by, std::int64_t b)
{
    std::int64_t made = 0;
    if (by == "/" || (by == "**" && b < 0)) return real(static_cast<double>(a), by, static_cast<double>(b));
    bool fits = true;
    if (by == "+") fits = !__builtin_add_overflow(a, b, &made);
    if (by == "-") fits = !__builtin_sub_overflow(a, b, &made);
    if (by == "*") fits = !__builtin_mul_overflow(a, b, &made);
    if (by == "**") fits = power(a, b, made);
    if (by == "//" || by == "%") {
        if (b == 0) return error{error_code::malformed_file, "division by zero"};
        fits = b != -1 || by == "%" || a != INT64_MIN;
        const std::int64_t quotient =
            b == -1 ? (fits && by == "//" ? -a : 0) : a / b - (a % b != 0 && (a < 0) != (b < 0));
        made = by == "//" ? quotient : b == -1 ? 0 : a - quotient * b;
    }
    if (fits) return value{made};
    return error{error_code::unsupported, "an integer of more than 64 bits is not supported"};
}

inline result<value> repeated(const value& what, std::int64_t times, budget& work)
{
    const std::size_t count = times < 0 ? 0 : static_cast<std::size_t>(times);
    const std::size_t size = what.as_text() ? what.as_text()->size() : what.as_list()->size();
    const std::size_t total = size > 0 && count > budget::text_limit ? SIZE_MAX : size * count;
    if (!what.as_text()) {
        AWQ_CHECK(work.room_for_list(total));
        value::list all;
        all.reserve(total);
        for (std::size_t i = 0; size > 0 && i < count; ++i)
            all.insert(all.end(), what.as_list()->begin(), what.as_list()->end());
        return work.list(std::move(all), what.as_sequence()->is_tuple);
    }
    AWQ_CHECK(work.room_for_text(total));
    std::string all;
    all.reserve(total);
    for (std::size_t i = 0; size > 0 && i < count; ++i) all += *what.as_text();
    return value::text(std::move(all));
}

inline result<value> joined(const std::string& a, const std::string& b, budget& work)
{
    AWQ_CHECK(work.room_for_text(a.size() + b.size()));
    std::string both;
    both.reserve(a.size() + b.size());
    return value::text(std::move(both.append(a).append(b)));
}

inline result<value> joined(const sequence& a, const sequence& b, budget& work)
{
    AWQ_CHECK(work.room_for_list(a.items.size() + b.items.size()));
    value::list both;
    both.reserve(a.items.size() + b.items.size());
    both.insert(both.end(), a.items.begin(), a.items.end());
    both.insert(both.end(), b.items.begin(), b.items.end());
    return work.list(std::move(both), a.is_tuple);
}

// `pattern % right`: a tuple is several values, a mapping gives them by name.
inline result<value> percent(const std::string& pattern, const value& right, budget& work)
{
    arguments with;
    if (right.as_dict())
        with.named = *right.as_dict();
    else if (right.as_sequence() && right.as_sequence()->is_tuple)
        with.positional = *right.as_list();
    else
        with.positional.push_back(right);
    return percent_formatted(pattern, with, work);
}

} // namespace detail

/// The error of using a value that is not there.
inline error no_value(const value& of)
{
    const auto* what = std::get_if<value::undefined>(&of.data);
    return error{error_code::missing_field, "\"", printable(what && what->name ? *what->name : ""), "\" is undefined"};
}

/// `of.name`; undefined if it has no such member, an error if `of` itself is undefined.
inline result<value> member_of(const value& of, const std::string& name, budget& work)
{
    if (of.is_undefined()) return no_value(of);
    AWQ_CHECK(work.spend(name.size()));
    const value* found = of.as_dict() ? of.as_dict()->find(name) : nullptr;
    return found ? *found : value::missing(printable(name));
}

/// `of[key]`; as `member_of`.
inline result<value> item_of(const value& of, const value& key, budget& work)
{
    if (of.is_undefined()) return no_value(of);
    if (key.as_text()) return member_of(of, *key.as_text(), work);
    const auto* const members = of.as_dict();
    if (members) {
        const value* const found = members->find(key);
        if (found) return *found;
    }
    AWQ_TRY(const auto size, length(of, work));
    if (members || !size || !key.is_whole()) {
        AWQ_TRY(const value name, to_text(key, work));
        return value::missing(printable(*name.as_text()));
    }
    const auto count = static_cast<std::int64_t>(*size);
    const std::int64_t at = key.whole() < 0 ? key.whole() + count : key.whole();
    if (at < 0 || at >= count) return value::missing(std::to_string(key.whole()));
    const auto index = static_cast<std::size_t>(at);
    if (of.as_list()) return (*of.as_list())[index];
    const std::string& text = *of.as_text();
    const std::size_t begin = text.size() == *size ? index : place_of_character(text, index); // all ASCII: at once
    return work.text(text.substr(begin, unicode::character_size(text, begin)));
}

/// The places of `[from:to:step]` in something of this size by Python's rules; `given` says which
/// bounds there are, and a step is not 0.
template <class Sink>
void for_each_in_slice(std::size_t count, const std::int64_t (&bounds)[3], const bool (&given)[3], Sink&& sink)
{
    const auto size = static_cast<std::int64_t>(count);
    const std::int64_t step = given[2] ? std::clamp<std::int64_t>(bounds[2], -size - 1, size + 1) : 1;
    const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    const auto place = [&](std::size_t i, std::int64_t fallback) {
        if (!given[i]) return fallback;
        const std::int64_t at = std::clamp(bounds[i], -size - 1, size + 1);
        return std::clamp(at < 0 ? at + size : at, low, high);
    };
    const std::int64_t first = place(0, step > 0 ? low : high), end = place(1, step > 0 ? high : low);
    for (std::int64_t at = first; step > 0 ? at < end : at > end; at += step) sink(static_cast<std::size_t>(at));
}

/// `of[from:to:step]` of a text or list.
inline result<value> slice_of(const value& of, const std::int64_t (&bounds)[3], const bool (&given)[3], budget& work)
{
    if (of.is_undefined()) return no_value(of);
    AWQ_TRY(const auto size, length(of, work));
    if (!size || of.as_dict()) return detail::wrong_type("the slice of", "a value");
    std::size_t kept = 0;
    for_each_in_slice(*size, bounds, given, [&](std::size_t) { ++kept; });
    AWQ_CHECK(work.spend(kept));
    if (const auto* list = of.as_sequence()) {
        AWQ_CHECK(work.room_for_list(kept));
        value::list items;
        items.reserve(kept);
        for_each_in_slice(*size, bounds, given, [&](std::size_t at) { items.push_back(list->items[at]); });
        return work.list(std::move(items), list->is_tuple);
    }
    const std::string& text = *of.as_text();
    std::vector<std::uint32_t> places; // of characters; none where each is a byte
    if (*size < text.size()) {
        AWQ_CHECK(work.spend(sizeof(std::uint32_t) * *size));
        for (std::size_t at = 0; at < text.size(); at += unicode::character_size(text, at))
            places.push_back(static_cast<std::uint32_t>(at));
    }
    AWQ_CHECK(work.room_for_text(std::min(text.size(), 4 * kept)));
    std::string made;
    for_each_in_slice(*size, bounds, given, [&](std::size_t at) {
        const std::size_t begin = places.empty() ? at : places[at];
        made.append(text, begin, unicode::character_size(text, begin));
    });
    return value::text(std::move(made));
}

/// `+of` or `-of`.
inline result<value> sign(std::string_view by, const value& of)
{
    if (of.is_undefined()) return no_value(of);
    if (!of.is_number()) return detail::wrong_type("the sign", by);
    if (of.is_whole()) return by == "+" ? result<value>{value{of.whole()}} : detail::whole(0, "-", of.whole());
    return by == "+" ? of : value{-of.number()};
}

/// `left by right`, for + - ~ * / // % and **.
inline result<value> combine(const value& left, std::string_view by, const value& right, budget& work)
{
    using namespace detail;
    if (by == "~") {
        AWQ_TRY(const value a, to_text(left, work));
        AWQ_TRY(const value b, to_text(right, work));
        return joined(*a.as_text(), *b.as_text(), work);
    }
    if (by == "%" && left.as_text()) return percent(*left.as_text(), right, work);
    if (by == "+" && left.as_text() && right.as_text()) return joined(*left.as_text(), *right.as_text(), work);
    if (by == "+" && left.as_sequence() && right.as_sequence() &&
        left.as_sequence()->is_tuple == right.as_sequence()->is_tuple)
        return joined(*left.as_sequence(), *right.as_sequence(), work);
    if (by == "*" && (left.as_text() || left.as_list()) && right.is_whole()) return repeated(left, right.whole(), work);
    if (by == "*" && (right.as_text() || right.as_list()) && left.is_whole())
        return repeated(right, left.whole(), work);
    if (left.is_undefined()) return jinja::no_value(left);
    if (right.is_undefined()) return jinja::no_value(right);
    if (!left.is_number() || !right.is_number()) return detail::wrong_type("the operator", by);
    if (left.is_whole() && right.is_whole()) return whole(left.whole(), by, right.whole());
    return real(left.number(), by, right.number());
}

} // namespace awq::jinja

#endif
