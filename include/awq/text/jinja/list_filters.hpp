// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_LIST_FILTERS_HPP
#define AWQ_TEXT_JINJA_LIST_FILTERS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/comparison.hpp>
#include <awq/text/jinja/operators.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/text_functions.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/jinja/writer.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The filters that take a list.
namespace awq::jinja {

namespace detail {

// What `attribute` ("a.b", "a.0") of a value is; undefined if it has none.
inline result<value> attribute_of(value of, std::string_view path, budget& work)
{
    while (!path.empty()) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        const std::string name{path.substr(0, dot)};
        std::int64_t index = 0;
        const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
        const bool is_index = read.ec == std::errc{} && read.ptr == name.data() + name.size();
        if (of.is_undefined()) return of;
        AWQ_TRY(value next, is_index && !of.as_dict() ? item_of(of, value{index}, work) : member_of(of, name, work));
        of = std::move(next);
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return of;
}

inline result<value::list> list_or_error(const value& input, std::string_view name, budget& work)
{
    AWQ_TRY(auto items, items_of(input, work));
    if (!items) return wrong_type("the filter", name);
    return *std::move(items);
}

// What a value is sorted by: its attribute, and a text without regard to case.
inline result<value> sort_key(const value& of, std::string_view attribute, bool case_sensitive, budget& work)
{
    AWQ_TRY(value key, attribute_of(of, attribute, work));
    if (case_sensitive || !key.as_text()) return key;
    return cased(*key.as_text(), "lower", work);
}

inline result<value::list> sort_keys(const value::list& items, const arguments& with, std::size_t case_at,
                                     std::size_t attribute_at, budget& work)
{
    const value* const flag = with.find(case_at, "case_sensitive");
    const std::string_view attribute = with.text(attribute_at, "attribute", "");
    AWQ_CHECK(work.room_for_list(items.size()));
    value::list keys;
    keys.reserve(items.size());
    for (const value& each : items) {
        AWQ_TRY(value key, sort_key(each, attribute, flag && truthy(*flag), work));
        keys.push_back(std::move(key));
    }
    return keys;
}

// The order of keys: equal ones keep theirs.
inline result<std::vector<std::size_t>> order_of(const value::list& keys, bool reverse, budget& work)
{
    AWQ_CHECK(work.room_for_list(keys.size()));
    std::vector<std::size_t> order(keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    status failed{};
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        if (!failed) return false;
        const auto before = less(keys[reverse ? b : a], keys[reverse ? a : b], work);
        if (!before) failed = before.error();
        return before && *before;
    });
    AWQ_CHECK(failed);
    return order;
}

inline bool flag_of(const arguments& with, std::size_t at, std::string_view name)
{
    const value* const found = with.find(at, name);
    return found && truthy(*found);
}

inline result<value> in_order(const value::list& items, const std::vector<std::size_t>& order, budget& work)
{
    AWQ_CHECK(work.room_for_list(items.size()));
    value::list sorted;
    sorted.reserve(items.size());
    for (const std::size_t at : order) sorted.push_back(items[at]);
    return work.list(std::move(sorted));
}

inline result<value> sort_filter(const value::list& items, const arguments& with, budget& work)
{
    const std::string_view attribute = with.text(2, "attribute", "");
    if (attribute.find(',') != attribute.npos)
        return error{error_code::unsupported, "sorting by several attributes is not supported"};
    AWQ_TRY(const value::list keys, sort_keys(items, with, 1, 2, work));
    AWQ_TRY(const auto order, order_of(keys, flag_of(with, 0, "reverse"), work));
    return in_order(items, order, work);
}

inline result<value> unique_filter(const value::list& items, const arguments& with, budget& work)
{
    AWQ_TRY(const value::list keys, sort_keys(items, with, 0, 1, work));
    mapping seen;
    value::list kept;
    for (std::size_t i = 0; i < items.size(); ++i) {
        AWQ_CHECK(work.spend(budget::step));
        if (seen.find(keys[i])) continue;
        AWQ_CHECK(work.set(seen, keys[i], value{value::none{}}));
        kept.push_back(items[i]);
    }
    return work.list(std::move(kept));
}

inline result<value> extreme(const value::list& items, std::string_view name, const arguments& with, budget& work)
{
    if (items.empty()) return value::missing(name);
    AWQ_TRY(const value::list keys, sort_keys(items, with, 0, 1, work));
    std::size_t best = 0;
    for (std::size_t i = 1; i < keys.size(); ++i) {
        AWQ_TRY(const bool better, name == "min" ? less(keys[i], keys[best], work) : less(keys[best], keys[i], work));
        if (better) best = i;
    }
    return items[best];
}

inline result<value> sum_filter(const value::list& items, const arguments& with, budget& work)
{
    const value* const start = with.find(1, "start");
    value total = start ? *start : value{std::int64_t{0}};
    for (const value& each : items) {
        AWQ_TRY(const value part, attribute_of(each, with.text(0, "attribute", ""), work));
        AWQ_TRY(total, combine(total, "+", part, work));
    }
    return total;
}

inline result<value> group_filter(const value::list& items, const arguments& with, budget& work)
{
    const std::string_view attribute = with.text(0, "attribute", "");
    AWQ_TRY(const value::list keys, sort_keys(items, with, 2, 0, work));
    AWQ_TRY(const auto order, order_of(keys, false, work));
    value::list groups;
    for (std::size_t i = 0; i < order.size();) {
        value::list members;
        const std::size_t first = order[i];
        for (bool same = true; same && i < order.size();) {
            members.push_back(items[order[i++]]);
            if (i < order.size()) {
                AWQ_TRY(same, equal(keys[first], keys[order[i]], work));
            }
        }
        AWQ_CHECK(work.room_for_list(members.size() + 4));
        AWQ_TRY(value grouper, attribute_of(items[first], attribute, work));
        AWQ_TRY(value list, work.list(std::move(members)));
        AWQ_TRY(value pair, work.list({std::move(grouper), std::move(list)}, true));
        groups.push_back(std::move(pair));
    }
    return work.list(std::move(groups));
}

inline result<value> batch_filter(const value::list& items, const arguments& with, budget& work)
{
    const std::int64_t size = with.integer(0, "linecount", 0);
    value::list batches, now;
    const auto close = [&]() -> status {
        AWQ_CHECK(work.room_for_list(now.size() + 1));
        AWQ_TRY(value made, work.list(std::move(now)));
        batches.push_back(std::move(made));
        now = {};
        return {};
    };
    for (const value& each : items) {
        if (static_cast<std::int64_t>(now.size()) == size) AWQ_CHECK(close());
        now.push_back(each);
    }
    const value* const fill = with.find(1, "fill_with");
    const auto used = static_cast<std::int64_t>(now.size());
    if (fill && !fill->is<value::none>() && used > 0 && used < size) {
        AWQ_CHECK(work.room_for_list(static_cast<std::size_t>(size)));
        now.resize(static_cast<std::size_t>(size), *fill);
    }
    if (used > 0) AWQ_CHECK(close());
    return work.list(std::move(batches));
}

inline result<value> slice_filter(const value::list& items, const arguments& with, budget& work)
{
    const std::int64_t count = with.integer(0, "slices", 0);
    if (count <= 0) return wrong_type("the filter", "slice");
    AWQ_CHECK(work.room_for_list(items.size()));
    const auto slices = static_cast<std::size_t>(count);
    const value* const fill = with.find(1, "fill_with");
    const std::size_t longer = items.size() % slices;
    value::list all;
    for (std::size_t i = 0, at = 0; i < slices; ++i) {
        const std::size_t size = items.size() / slices + (i < longer);
        AWQ_CHECK(work.room_for_list(size + 2));
        value::list part(items.begin() + static_cast<std::ptrdiff_t>(at),
                         items.begin() + static_cast<std::ptrdiff_t>(at + size));
        at += size;
        if (fill && !fill->is<value::none>() && i >= longer) part.push_back(*fill);
        AWQ_TRY(value made, work.list(std::move(part)));
        all.push_back(std::move(made));
    }
    return work.list(std::move(all));
}

inline result<value> join_filter(const value& input, const arguments& with, budget& work)
{
    AWQ_TRY(const value::list items, list_or_error(input, "join", work));
    const std::string_view by = with.text(0, "d", ""), attribute = with.text(1, "attribute", "");
    std::string joined;
    for (std::size_t i = 0; i < items.size(); ++i) {
        AWQ_TRY(const value each, attribute_of(items[i], attribute, work));
        AWQ_TRY(const value text, to_text(each, work));
        const std::size_t more = text.as_text()->size() + (i > 0 ? by.size() : 0);
        if (joined.size() + more > budget::text_limit) return work.room_for_text(joined.size() + more).error();
        AWQ_CHECK(work.spend(more));
        if (i > 0) joined += by;
        joined += *text.as_text();
    }
    return value::text(std::move(joined));
}

inline result<value> reversed(const value& input, budget& work)
{
    AWQ_TRY(value::list items, list_or_error(input, "reverse", work));
    std::reverse(items.begin(), items.end());
    if (!input.as_text()) return work.list(std::move(items));
    std::string text;
    for (const value& each : items) text += *each.as_text();
    return work.text(std::move(text));
}

} // namespace detail

/// list, first, last, reverse, sort, unique, min, max, sum, groupby, batch and slice.
inline result<value> apply_list_filter(const value& input, std::string_view name, const arguments& with, budget& work)
{
    using namespace detail;
    if (name == "reverse") return reversed(input, work);
    if ((name == "first" || name == "last") && !input.as_dict()) {
        if (input.is_undefined()) return value::missing(name);
        return item_of(input, value{std::int64_t{name == "first" ? 0 : -1}}, work);
    }
    AWQ_TRY(value::list items, list_or_error(input, name, work));
    if (name == "list") return work.list(std::move(items));
    if (name == "first" || name == "last") {
        if (items.empty()) return value::missing(name);
        return name == "first" ? items.front() : items.back();
    }
    if (name == "sort") return sort_filter(items, with, work);
    if (name == "unique") return unique_filter(items, with, work);
    if (name == "sum") return sum_filter(items, with, work);
    if (name == "groupby") return group_filter(items, with, work);
    if (name == "batch") return batch_filter(items, with, work);
    if (name == "slice") return slice_filter(items, with, work);
    return extreme(items, name, with, work);
}

} // namespace awq::jinja

#endif
