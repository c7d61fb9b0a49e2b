// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_METHODS_HPP
#define AWQ_TEXT_JINJA_METHODS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/filters.hpp>
#include <awq/text/jinja/format.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/text_functions.hpp>
#include <awq/text/jinja/value.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace awq::jinja {

namespace detail {

// startswith, endswith: of one text or of any in a tuple.
inline result<value> has_end(const std::string& text, std::string_view name, const arguments& with, budget& work)
{
    const value* const what = with.find(0, name == "startswith" ? "prefix" : "suffix");
    if (!what || !(what->as_text() || what->as_list())) return wrong_type("the method", name);
    const value* const begin = what->as_list() ? what->as_list()->data() : what;
    const std::size_t count = what->as_list() ? what->as_list()->size() : 1;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string* const each = begin[i].as_text();
        if (!each) return wrong_type("the method", name);
        AWQ_CHECK(work.spend(std::min(each->size(), text.size()) + 1));
        if (name == "startswith" ? text.starts_with(*each) : text.ends_with(*each)) return value{true};
    }
    return value{false};
}

inline result<value> find_in(const std::string& text, std::string_view name, const arguments& with, budget& work)
{
    const std::string_view what = with.text(0, "sub", "");
    const text_finder finder{what};
    if (name == "count") {
        if (what.empty()) return value::integer(count_characters(text) + 1);
        AWQ_TRY(const std::size_t times, count_of(finder, text, SIZE_MAX, work));
        return value::integer(times);
    }
    AWQ_TRY(std::size_t at, finder.find(text, 0, work));
    for (std::size_t next = at; name == "rfind" && next != text.npos;) {
        at = next;
        AWQ_TRY(next, finder.find(text, at + 1, work));
    }
    if (at == text.npos) return value{std::int64_t{-1}};
    AWQ_CHECK(work.spend(at));
    return value::integer(count_characters(std::string_view{text}.substr(0, at)));
}

inline result<value> without_affix(const std::string& text, std::string_view name, const arguments& with, budget& work)
{
    const std::string_view affix = with.text(0, "prefix", "");
    std::string_view kept = text;
    if (name == "removeprefix" && kept.starts_with(affix)) kept.remove_prefix(affix.size());
    if (name == "removesuffix" && kept.ends_with(affix)) kept.remove_suffix(affix.size());
    return work.text(std::string{kept});
}

inline result<value> all_characters(const std::string& text, std::string_view name, budget& work)
{
    AWQ_CHECK(work.spend(text.size()));
    for (std::size_t at = 0; at < text.size();) {
        const unicode::decoded next = unicode::decode(text, at);
        at += next.size;
        const bool fits = name == "isspace"   ? unicode::is_whitespace(next.code_point)
                          : name == "isdigit" ? unicode::is_number(next.code_point)
                                              : unicode::is_letter(next.code_point);
        if (!fits) return value{false};
    }
    return value{!text.empty()};
}

inline result<value> lines_of(std::string_view text, budget& work)
{
    AWQ_TRY(const value parts, split(text, "\n", -1, work));
    value::list lines = *parts.as_list();
    if (text.empty() || text.ends_with('\n')) lines.pop_back();
    return work.list(std::move(lines));
}

// The last parts first: only from the right are they different.
inline result<value> split_right(const std::string& text, const arguments& with, budget& work)
{
    const std::string_view by = with.text(0, "sep", "");
    const std::int64_t most = with.integer(1, "maxsplit", -1);
    if (most < 0) return split(text, by, -1, work);
    if (by.empty()) return error{error_code::unsupported, "rsplit with maxsplit needs a separator here"};
    AWQ_TRY(const std::size_t count, count_of(text_finder{by}, text, SIZE_MAX, work));
    const auto whole = static_cast<std::int64_t>(count) - most; // separators that stay
    if (whole <= 0) return split(text, by, -1, work);
    const text_finder finder{by};
    std::size_t at = 0;
    for (std::int64_t i = 0; i < whole; ++i) {
        AWQ_TRY(const std::size_t found, finder.find(text, at, work));
        at = found + by.size();
    }
    AWQ_TRY(const value rest, split(std::string_view{text}.substr(at), by, -1, work));
    value::list parts = *rest.as_list();
    const std::string first = text.substr(0, at) + *parts[0].as_text();
    AWQ_TRY(parts[0], work.text(first));
    return work.list(std::move(parts));
}

using found_method = std::optional<value>;

inline result<found_method> found(result<value> made)
{
    if (!made) return made.error();
    return found_method{*std::move(made)};
}

inline result<found_method> call_text_method(const std::string& text, std::string_view name, const arguments& with,
                                             budget& work)
{
    const auto trimmed = [&](text_ends which) { return found(stripped(text, with.text(0, "chars", ""), which, work)); };
    if (name == "strip") return trimmed(text_ends::both);
    if (name == "lstrip") return trimmed(text_ends::left);
    if (name == "rstrip") return trimmed(text_ends::right);
    for (const std::string_view each : {"upper", "lower", "title", "capitalize"})
        if (name == each) return found(cased(text, name, work));
    if (name == "format") return found(brace_formatted(text, with, work));
    if (name == "split") return found(split(text, with.text(0, "sep", ""), with.integer(1, "maxsplit", -1), work));
    if (name == "rsplit") return found(split_right(text, with, work));
    if (name == "splitlines") return found(lines_of(text, work));
    if (name == "replace")
        return found(
            replaced(text, with.text(0, "old", ""), with.text(1, "new", ""), with.integer(2, "count", -1), work));
    if (name == "find" || name == "rfind" || name == "count") return found(find_in(text, name, with, work));
    if (name == "startswith" || name == "endswith") return found(has_end(text, name, with, work));
    if (name == "removeprefix" || name == "removesuffix") return found(without_affix(text, name, with, work));
    if (name == "isspace" || name == "isdigit" || name == "isalpha") return found(all_characters(text, name, work));
    if (name != "join") return found_method{};
    arguments by;
    by.positional.push_back(value::text(text));
    return found(join_filter(with.find(0, "") ? *with.find(0, "") : value{}, by, work));
}

inline result<found_method> call_dict_method(const value& of, std::string_view name, const arguments& with,
                                             budget& work)
{
    const mapping& members = *of.as_dict();
    if (members.is_namespace) return found_method{};
    if (name == "items") return found(pairs_of(members, work));
    if (name == "keys" || name == "values") {
        AWQ_CHECK(work.room_for_list(members.size()));
        value::list all;
        for (const mapping::member& each : members) all.push_back(name == "keys" ? each.key : each.content);
        return found(work.list(std::move(all)));
    }
    if (name != "get") return found_method{};
    const value* const key = with.find(0, "key");
    const value* const got = key ? members.find(*key) : nullptr;
    if (got) return found_method{*got};
    return found_method{with.find(1, "default") ? *with.find(1, "default") : value{value::none{}}};
}

inline result<found_method> call_list_method(const value::list& items, std::string_view name, const arguments& with,
                                             budget& work)
{
    if (name != "index" && name != "count") return found_method{};
    const value what = with.find(0, "") ? *with.find(0, "") : value{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        AWQ_TRY(const bool same, equal(items[i], what, work));
        if (same && name == "index") return found_method{value::integer(i)};
        count += same;
    }
    if (name == "index") return error{error_code::malformed_file, "index: it is not in the list"};
    return found_method{value::integer(count)};
}

} // namespace detail

/// A method of a text, a mapping or a list; nothing if the value has none of this name.
inline result<std::optional<value>> call_method(const value& of, std::string_view name, const arguments& with,
                                                budget& work)
{
    if (const std::string* text = of.as_text()) return detail::call_text_method(*text, name, with, work);
    if (of.as_dict()) return detail::call_dict_method(of, name, with, work);
    if (const auto* items = of.as_list()) return detail::call_list_method(*items, name, with, work);
    return std::optional<value>{};
}

} // namespace awq::jinja

#endif
