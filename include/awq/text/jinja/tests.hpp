// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_TESTS_HPP
#define AWQ_TEXT_JINJA_TESTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/comparison.hpp>
#include <awq/text/jinja/text_functions.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/jinja/writer.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace awq::jinja {

namespace detail {

// The tests that only look at the type.
inline std::optional<bool> is_of_type(const value& v, std::string_view name) noexcept
{
    const bool is_flag = v.is<bool>();
    if (name == "defined") return !v.is_undefined();
    if (name == "undefined") return v.is_undefined();
    if (name == "none") return v.is<value::none>();
    if (name == "string") return v.as_text() != nullptr;
    if (name == "mapping") return v.as_dict() && !v.as_dict()->is_namespace;
    if (name == "sequence" || name == "iterable") return v.as_text() || v.as_list() || v.as_dict() || v.is_undefined();
    if (name == "number") return v.is_number();
    if (name == "integer") return v.as_integer() != nullptr;
    if (name == "float") return v.is<double>();
    if (name == "boolean") return is_flag;
    if (name == "true") return is_flag && truthy(v);
    if (name == "false") return is_flag && !truthy(v);
    if (name == "callable") return v.is<value::callable>();
    return std::nullopt;
}

// Python's `is`: the same object, or equal scalars of one type.
inline result<bool> same_as(const value& a, const value& b, budget& work)
{
    if (a.data.index() != b.data.index()) return false;
    if (a.as_list()) return a.as_list() == b.as_list();
    if (a.as_dict()) return a.as_dict() == b.as_dict();
    return equal(a, b, work);
}

inline result<bool> is_divisible(const value& v, std::string_view name, const arguments& with)
{
    const std::int64_t by = name == "divisibleby" ? with.integer(0, "num", 0) : 2;
    if (!v.is_whole() || by == 0) return wrong_type("the test", name);
    if (by == -1) return true; // the smallest integer has no remainder by it
    return (v.whole() % by == 0) != (name == "odd");
}

inline result<bool> is_cased(const value& v, std::string_view name, budget& work)
{
    AWQ_TRY(const value text, to_text(v, work));
    AWQ_TRY(const value other, cased(*text.as_text(), name == "upper" ? "lower" : "upper", work));
    AWQ_TRY(const value same, cased(*text.as_text(), name, work));
    return *same.as_text() == *text.as_text() && *other.as_text() != *text.as_text();
}

} // namespace detail

/// Applies a test (`is name`); `unsupported` for a name that is not known.
inline result<bool> apply_test(const value& v, std::string_view name, const arguments& with, budget& work)
{
    if (const auto answer = detail::is_of_type(v, name)) return *answer;
    const value* const given = with.size() == 0 ? nullptr : with.find(0, "");
    const value other = given ? *given : value{};
    if (name == "sameas") return detail::same_as(v, other, work);
    if (name == "in") return contains(other, v, work);
    if (name == "odd" || name == "even" || name == "divisibleby") return detail::is_divisible(v, name, with);
    if (name == "lower" || name == "upper") return detail::is_cased(v, name, work);
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"equalto", "=="}, {"eq", "=="},         {"==", "=="}, {"ne", "!="}, {"!=", "!="},
        {"lt", "<"},       {"lessthan", "<"},    {"<", "<"},   {"le", "<="}, {"<=", "<="},
        {"gt", ">"},       {"greaterthan", ">"}, {">", ">"},   {"ge", ">="}, {">=", ">="}};
    for (const auto& each : names)
        if (each.first == name) return compare(v, each.second, other, work);
    return error{error_code::unsupported, "the test \"", printable(name), "\" is not supported"};
}

} // namespace awq::jinja

#endif
