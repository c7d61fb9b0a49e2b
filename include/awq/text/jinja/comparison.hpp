// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_COMPARISON_HPP
#define AWQ_TEXT_JINJA_COMPARISON_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/text_finder.hpp>
#include <awq/text/jinja/value.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>

/// Python's comparisons.
namespace awq::jinja {

/// Python's truth.
inline bool truthy(const value& v) noexcept
{
    if (const auto* text = v.as_text()) return !text->empty();
    if (const auto* items = v.as_list()) return !items->empty();
    if (const auto* members = v.as_dict()) return members->is_namespace || !members->empty();
    if (v.is_number()) return v.number() != 0;
    return v.is<value::callable>();
}

inline result<bool> equal(const value& a, const value& b, budget& work);

namespace detail {

inline result<bool> equal_items(const value::list& a, const value::list& b, budget& work)
{
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        AWQ_TRY(const bool same, equal(a[i], b[i], work));
        if (!same) return false;
    }
    return true;
}

inline result<bool> equal_members(const mapping& a, const mapping& b, budget& work)
{
    if (&a == &b) return true;
    if (a.is_namespace || b.is_namespace || a.size() != b.size()) return false;
    for (const mapping::member& each : a) {
        const value* const other = b.find(each.key);
        if (!other) return false;
        AWQ_CHECK(work.spend(each.key.as_text() ? each.key.as_text()->size() : 0));
        AWQ_TRY(const bool same, equal(each.content, *other, work));
        if (!same) return false;
    }
    return true;
}

} // namespace detail

/// `a == b`.
inline result<bool> equal(const value& a, const value& b, budget& work)
{
    AWQ_CHECK(work.spend(budget::step));
    if (a.is_whole() && b.is_whole()) return a.whole() == b.whole();
    if (a.is_number() && b.is_number()) return a.number() == b.number();
    if (a.as_text() && b.as_text()) {
        if (a.as_text()->size() != b.as_text()->size()) return false;
        AWQ_CHECK(work.spend(a.as_text()->size()));
        return *a.as_text() == *b.as_text();
    }
    if (a.as_sequence() && b.as_sequence())
        return a.as_sequence()->is_tuple == b.as_sequence()->is_tuple
                   ? detail::equal_items(*a.as_list(), *b.as_list(), work)
                   : false;
    if (a.as_dict() && b.as_dict()) return detail::equal_members(*a.as_dict(), *b.as_dict(), work);
    return a.data.index() == b.data.index() && (a.is<value::none>() || a.is_undefined());
}

/// `a < b`, for numbers, texts and lists.
inline result<bool> less(const value& a, const value& b, budget& work)
{
    AWQ_CHECK(work.spend(budget::step));
    if (a.is_whole() && b.is_whole()) return a.whole() < b.whole();
    if (a.is_number() && b.is_number()) return a.number() < b.number();
    if (a.as_text() && b.as_text()) {
        AWQ_CHECK(work.spend(std::min(a.as_text()->size(), b.as_text()->size())));
        return *a.as_text() < *b.as_text();
    }
    if (!a.as_list() || !b.as_list()) return detail::wrong_type("the comparison", "<");
    const value::list &x = *a.as_list(), &y = *b.as_list();
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
        AWQ_TRY(const bool same, equal(x[i], y[i], work));
        if (!same) return less(x[i], y[i], work);
    }
    return x.size() < y.size();
}

/// Compares by <, <=, >, >=, == or !=.
inline result<bool> compare(const value& a, std::string_view by, const value& b, budget& work)
{
    if (by == "==") return equal(a, b, work);
    if (by == "!=") {
        AWQ_TRY(const bool same, equal(a, b, work));
        return !same;
    }
    const bool is_nan = (a.is<double>() && a.number() != a.number()) || (b.is<double>() && b.number() != b.number());
    if (is_nan) return false;
    const bool swapped = by == ">" || by == "<=";
    AWQ_TRY(const bool before, swapped ? less(b, a, work) : less(a, b, work));
    return before != (by == "<=" || by == ">=");
}

/// `one in all`.
inline result<bool> contains(const value& all, const value& one, budget& work)
{
    if (const auto* text = all.as_text()) {
        if (!one.as_text()) return detail::wrong_type("the test", "in");
        const text_finder finder{*one.as_text()};
        AWQ_TRY(const std::size_t at, finder.find(*text, 0, work));
        return at != text->npos;
    }
    if (const auto* members = all.as_dict()) {
        AWQ_CHECK(work.spend(budget::step + (one.as_text() ? one.as_text()->size() : 0)));
        return members->find(one) != nullptr;
    }
    if (all.is_undefined()) return false;
    if (!all.as_list()) return detail::wrong_type("the test", "in");
    for (const value& each : *all.as_list()) {
        AWQ_TRY(const bool same, equal(each, one, work));
        if (same) return true;
    }
    return false;
}

} // namespace awq::jinja

#endif
