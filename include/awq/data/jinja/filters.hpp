// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_FILTERS_HPP
#define AWQ_DATA_JINJA_FILTERS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/arguments.hpp>
#include <awq/data/jinja/sequences.hpp>
#include <awq/data/jinja/tests.hpp>
#include <awq/data/jinja/text_functions.hpp>
#include <awq/data/jinja/value.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace awq::jinja {

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
