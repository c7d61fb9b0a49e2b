// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_TESTS_HPP
#define AWQ_DATA_JINJA_TESTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/arguments.hpp>
#include <awq/data/jinja/sequences.hpp>
#include <awq/data/jinja/value.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace awq::jinja {

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

} // namespace awq::jinja

#endif
