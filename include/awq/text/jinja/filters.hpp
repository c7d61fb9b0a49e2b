// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_FILTERS_HPP
#define AWQ_TEXT_JINJA_FILTERS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/parse_double.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/format.hpp>
#include <awq/text/jinja/list_filters.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/tests.hpp>
#include <awq/text/jinja/text_functions.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/jinja/writer.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace awq::jinja {

namespace detail {

// Python's float(): a number, or a text that is one.
inline std::optional<double> read_real(const value& input)
{
    if (input.is_number()) return input.number();
    if (!input.as_text()) return std::nullopt;
    std::string_view text = *input.as_text();
    text.remove_prefix(unicode::leading_whitespace(text));
    text = text.substr(0, unicode::trailing_whitespace(text));
    if (text.starts_with('+')) text.remove_prefix(1);
    return parse_double(text);
}

inline result<value> to_integer(const value& input, const arguments& with, budget& work)
{
    if (input.is_whole()) return value{input.whole()};
    if (with.integer(1, "base", 10) != 10)
        return error{error_code::unsupported, "the filter \"int\" with a base is not supported"};
    AWQ_CHECK(work.spend(input.as_text() ? input.as_text()->size() : 0));
    std::int64_t whole = 0;
    if (const auto* text = input.as_text()) {
        AWQ_TRY(const value bare, stripped(*text, "", text_ends::both, work));
        const char* const end = bare.as_text()->data() + bare.as_text()->size();
        const auto read = std::from_chars(bare.as_text()->data(), end, whole);
        if (read.ec == std::errc{} && read.ptr == end) return value{whole};
    }
    const auto real = read_real(input);
    if (!real || std::isnan(*real)) {
        const value* const fallback = with.find(0, "default");
        return fallback ? *fallback : value{std::int64_t{0}};
    }
    if (std::fabs(*real) < 9.2e18) return value{static_cast<std::int64_t>(*real)};
    return error{error_code::unsupported, "an integer of more than 64 bits is not supported"};
}

inline result<value> rounded(const value& input, const arguments& with)
{
    if (!input.is_number()) return wrong_type("the filter", "round");
    const std::int64_t precision = with.integer(0, "precision", 0);
    const std::string_view method = with.text(1, "method", "common");
    const double number = input.number();
    if (method == "common" && input.is_whole() && precision >= 0) return value{input.whole()};
    if (!std::isfinite(number)) return input;
    if (method == "common" && precision >= 0) {
        if (precision > 300) return value{number};
        char digits[700]; // correctly rounded from the exact binary value, as Python does
        const auto end =
            std::to_chars(digits, digits + sizeof digits, number, std::chars_format::fixed, static_cast<int>(precision))
                .ptr;
        return value{*parse_double({digits, end})};
    }
    const double scale = std::pow(10.0, static_cast<double>(std::clamp<std::int64_t>(precision, -400, 400)));
    if (scale == 0) return value{0.0};
    const double scaled = number * scale;
    if (!std::isfinite(scaled)) return value{number};
    const double made = method == "ceil"    ? std::ceil(scaled)
                        : method == "floor" ? std::floor(scaled)
                                            : std::nearbyint(scaled);
    const double back = made / scale;
    if (input.is_whole() && method == "common" && std::fabs(back) < 9e18) return value{static_cast<std::int64_t>(back)};
    return value{back};
}

inline result<value> absolute(const value& input)
{
    if (!input.is_number()) return wrong_type("the filter", "abs");
    if (!input.is_whole()) return value{std::fabs(input.number())};
    return input.whole() < 0 ? whole(0, "-", input.whole()) : value{input.whole()};
}

// Python's indent: a number of spaces, or a text; None: no lines.
inline result<std::optional<std::string>> indent_of(const arguments& with, budget& work)
{
    const value* const given = with.find(1, "indent");
    if (!given || given->is<value::none>()) return std::optional<std::string>{};
    if (given->as_text()) return std::optional{*given->as_text()};
    if (!given->is_whole()) return wrong_type("the filter", "tojson");
    const auto width = static_cast<std::size_t>(std::max<std::int64_t>(given->whole(), 0));
    AWQ_CHECK(work.room_for_text(width));
    return std::optional{std::string(width, ' ')};
}

inline result<value> json_filter(const value& input, const arguments& with, budget& work)
{
    json_style style;
    style.ensure_ascii = flag_of(with, 0, "ensure_ascii");
    style.sort_keys = flag_of(with, 3, "sort_keys");
    AWQ_TRY(style.indent, indent_of(with, work));
    if (style.indent) style.item_separator = ",";
    const value* const given = with.find(2, "separators");
    if (given && !given->is<value::none>()) {
        const auto* const both = given->as_list();
        if (!both || both->size() != 2 || !(*both)[0].as_text() || !(*both)[1].as_text())
            return wrong_type("the filter", "tojson");
        style.item_separator = *(*both)[0].as_text();
        style.key_separator = *(*both)[1].as_text();
    }
    AWQ_TRY(std::string text, value_writer(work, style).written(input));
    return value::text(std::move(text));
}

// Python's pprint breaks what is wider than 80 characters into lines, by rules of its own.
inline result<value> pprint_filter(const value& input, budget& work)
{
    value_writer writer{work};
    writer.sorts_keys = true;
    AWQ_TRY(std::string text, std::move(writer).written(input));
    if (count_characters(text) <= 80) return value::text(std::move(text));
    return error{error_code::unsupported, "the filter \"pprint\" of a value wider than 80 characters is not supported"};
}

inline result<value> truncated(const std::string& text, const arguments& with, budget& work)
{
    AWQ_CHECK(work.spend(2 * text.size()));
    const std::string_view end = with.text(2, "end", "...");
    const std::int64_t length = with.integer(0, "length", 255), leeway = with.integer(3, "leeway", 5);
    const auto rest = length - static_cast<std::int64_t>(count_characters(end));
    if (rest < 0 || leeway < 0) return wrong_type("the filter", "truncate");
    const auto size = static_cast<std::int64_t>(count_characters(text));
    if (size <= length || size - length <= leeway) return work.text(text);
    std::string kept = text.substr(0, place_of_character(text, static_cast<std::size_t>(rest)));
    if (!flag_of(with, 1, "killwords")) kept.resize(std::min(kept.rfind(' '), kept.size()));
    AWQ_CHECK(work.room_for_text(kept.size() + end.size()));
    return value::text(kept.append(end));
}

inline result<value> count_words(const std::string& text, budget& work)
{
    AWQ_CHECK(work.spend(text.size()));
    std::size_t words = 0;
    bool inside = false;
    for (std::size_t at = 0; at < text.size();) {
        const unicode::decoded next = unicode::decode(text, at);
        at += next.size;
        const bool is_word =
            next.code_point == '_' || unicode::is_letter(next.code_point) || unicode::is_number(next.code_point);
        words += is_word && !inside;
        inside = is_word;
    }
    return value::integer(words);
}

inline result<value> indent_filter(const std::string& text, const arguments& with, budget& work)
{
    const std::int64_t width = std::max<std::int64_t>(with.integer(0, "width", 4), 0);
    AWQ_CHECK(work.room_for_text(static_cast<std::size_t>(width)));
    const std::string spaces(static_cast<std::size_t>(width), ' ');
    return indented(text, with.text(0, "width", spaces), flag_of(with, 1, "first"), flag_of(with, 2, "blank"), work);
}

inline result<value> url_filter(const value& input, budget& work)
{
    if (!input.as_list() && !input.as_dict()) {
        AWQ_TRY(const value text, to_text(input, work));
        AWQ_TRY(std::string quoted, url_quoted(*text.as_text(), true, work));
        return value::text(std::move(quoted));
    }
    AWQ_TRY(const value pairs, input.as_dict() ? pairs_of(*input.as_dict(), work) : result<value>{input});
    std::string query;
    for (const value& pair : *pairs.as_list()) {
        if (!pair.as_list() || pair.as_list()->size() != 2) return wrong_type("the filter", "urlencode");
        if (!query.empty()) query += '&';
        for (std::size_t i = 0; i < 2; ++i) {
            AWQ_TRY(const value text, to_text((*pair.as_list())[i], work));
            AWQ_TRY(std::string part, url_quoted(*text.as_text(), false, work));
            for (std::size_t at = part.find("%20"); at != part.npos; at = part.find("%20", at + 1))
                part.replace(at, 3, "+");
            query.append(i == 1 ? "=" : "").append(part);
        }
    }
    return work.text(std::move(query));
}

inline result<value> dictsort_filter(const mapping& members, const arguments& with, budget& work)
{
    AWQ_TRY(const value pairs, pairs_of(members, work));
    const std::string_view by = with.text(1, "by", "key");
    if (by != "key" && by != "value") return wrong_type("the filter", "dictsort");
    value::list keys;
    for (const mapping::member& each : members) {
        AWQ_TRY(value key,
                sort_key(by == "key" ? each.key : each.content, "", flag_of(with, 0, "case_sensitive"), work));
        keys.push_back(std::move(key));
    }
    AWQ_TRY(const auto order, order_of(keys, flag_of(with, 2, "reverse"), work));
    return in_order(*pairs.as_list(), order, work);
}

// The filters that take any value as a text.
inline result<std::optional<value>> text_filter(const value& input, std::string_view name, const arguments& with,
                                                budget& work)
{
    constexpr std::string_view names[] = {"trim",   "upper",    "lower",  "title",    "capitalize",  "string",
                                          "safe",   "escape",   "e",      "replace",  "forceescape", "indent",
                                          "center", "truncate", "format", "wordcount"};
    if (std::find(std::begin(names), std::end(names), name) == std::end(names)) return std::optional<value>{};
    AWQ_TRY(const value shown, to_text(input, work));
    const std::string& text = *shown.as_text();
    const auto made = [&]() -> result<value> {
        if (name == "trim") return stripped(text, with.text(0, "chars", ""), text_ends::both, work);
        if (name == "upper" || name == "lower" || name == "capitalize") return cased(text, name, work);
        if (name == "title") return cased(text, name, work, "-({[<");
        if (name == "escape" || name == "e" || name == "forceescape") return escaped(text, work);
        if (name == "replace") {
            const value* const count = with.find(2, "count");
            return replaced(text, with.text(0, "old", ""), with.text(1, "new", ""),
                            count && count->is_whole() ? count->whole() : -1, work);
        }
        if (name == "indent") return indent_filter(text, with, work);
        if (name == "center") return centered(text, with.integer(0, "width", 80), work);
        if (name == "truncate") return truncated(text, with, work);
        if (name == "format") return percent_formatted(text, with, work);
        if (name == "wordcount") return count_words(text, work);
        return shown;
    }();
    if (!made) return made.error();
    return std::optional{*made};
}

} // namespace detail

/// Applies a filter; `unsupported` for a name that is not known.
inline result<value> apply_filter(const value& input, std::string_view name, const arguments& with, budget& work)
{
    using namespace detail;
    AWQ_CHECK(work.spend(budget::step));
    if (name == "default" || name == "d") {
        const bool replace = input.is_undefined() || (flag_of(with, 1, "boolean") && !truthy(input));
        if (!replace) return input;
        return with.find(0, "default_value") ? *with.find(0, "default_value") : value::text({});
    }
    AWQ_TRY(const auto text, text_filter(input, name, with, work));
    if (text) return *text;
    if (name == "tojson") return json_filter(input, with, work);
    if (name == "pprint") return pprint_filter(input, work);
    if (name == "urlencode") return url_filter(input, work);
    if (name == "length" || name == "count") {
        AWQ_TRY(const auto size, length(input, work));
        return size ? value::integer(*size) : result<value>{wrong_type("the filter", name)};
    }
    if (name == "int") return to_integer(input, with, work);
    if (name == "float") {
        const value* const fallback = with.find(0, "default");
        const auto real = read_real(input);
        return real ? value{*real} : fallback ? *fallback : value{0.0};
    }
    if (name == "attr") return attribute_of(input, with.text(0, "name", ""), work);
    if (name == "join") return join_filter(input, with, work);
    if (name == "items" || name == "dictsort") {
        if (input.is_undefined()) return work.list({});
        if (!input.as_dict()) return wrong_type("the filter", name);
        return name == "items" ? pairs_of(*input.as_dict(), work) : dictsort_filter(*input.as_dict(), with, work);
    }
    if (name == "abs") return absolute(input);
    if (name == "round") return rounded(input, with);
    for (const std::string_view each :
         {"list", "first", "last", "reverse", "sort", "unique", "min", "max", "sum", "groupby", "batch", "slice"})
        if (name == each) return apply_list_filter(input, name, with, work);
    return error{error_code::unsupported, "the filter \"", printable(name), "\" is not supported"};
}

namespace detail {

// One value through map(attribute=...) or map(filter, ...).
inline result<value> mapped(const value& each, const arguments& with, const arguments& rest, budget& work)
{
    const value* const attribute = with.named.find("attribute");
    if (with.size() > 0 || !attribute) return apply_filter(each, with.text(0, "", ""), rest, work);
    AWQ_TRY(const value name, to_text(*attribute, work));
    AWQ_TRY(value found, attribute_of(each, *name.as_text(), work));
    const value* const fallback = with.named.find("default");
    return found.is_undefined() && fallback ? *fallback : std::move(found);
}

} // namespace detail

/// The filters that run a test or a filter over a list: select, reject, selectattr, rejectattr,
/// map.
inline result<value> apply_to_each(const value& input, std::string_view name, const arguments& with, budget& work)
{
    if (!truthy(input)) return work.list({});
    AWQ_TRY(const value::list items, detail::list_or_error(input, name, work));
    const bool by_attribute = name == "selectattr" || name == "rejectattr";
    const bool wanted = name == "select" || name == "selectattr";
    const std::string_view attribute = by_attribute ? with.text(0, "", "") : std::string_view{};
    const std::string_view function = with.text(by_attribute ? 1 : 0, "", "");
    arguments rest = with;
    rest.skipped += std::min(with.size(), std::size_t{by_attribute ? 2u : 1u});
    value::list kept;
    for (const value& each : items) {
        AWQ_CHECK(work.spend(budget::step + sizeof(value)));
        if (name == "map") {
            AWQ_TRY(value made, detail::mapped(each, with, rest, work));
            kept.push_back(std::move(made));
            continue;
        }
        AWQ_TRY(const value seen, detail::attribute_of(each, attribute, work));
        AWQ_TRY(const bool passes,
                function.empty() ? result<bool>{truthy(seen)} : apply_test(seen, function, rest, work));
        if (passes == wanted) kept.push_back(each);
    }
    return work.list(std::move(kept));
}

} // namespace awq::jinja

#endif
