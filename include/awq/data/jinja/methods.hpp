// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_METHODS_HPP
#define AWQ_DATA_JINJA_METHODS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/arguments.hpp>
#include <awq/data/jinja/sequences.hpp>
#include <awq/data/jinja/text_functions.hpp>
#include <awq/data/jinja/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace awq::jinja {

/// A method of a text, a mapping or a list; nothing if the value has none of this name.
inline std::optional<value> call_method(const value& of, std::string_view name,
                                        const arguments& with)
{
    using namespace detail;
    if (const std::string* text = of.as_text()) {
        if (name == "strip")
            return value::text(stripped(*text, with.text(0, "chars", ""), ends::both));
        if (name == "lstrip")
            return value::text(stripped(*text, with.text(0, "chars", ""), ends::left));
        if (name == "rstrip")
            return value::text(stripped(*text, with.text(0, "chars", ""), ends::right));
        if (name == "upper" || name == "lower" || name == "title" || name == "capitalize")
            return value::text(cased(*text, name));
        if (name == "format")
            if (auto made = formatted(*text, with)) return value::text(*std::move(made));
        if (name == "split")
            return value::of(
                split(*text, with.text(0, "sep", ""), with.integer(1, "maxsplit", -1)));
        if (name == "replace")
            return value::text(replaced(*text, with.text(0, "old", ""), with.text(1, "new", ""),
                                        with.integer(2, "count", -1)));
        if (name == "find") {
            const std::size_t at = text->find(with.text(0, "sub", ""));
            if (at == text->npos) return value{std::int64_t{-1}};
            return value::integer(*length(value::text(text->substr(0, at))));
        }
        if (name == "startswith" || name == "endswith") {
            const value* what = with.find(0, "prefix");
            const value::list one = what && what->as_list() ? *what->as_list()
                                    : what                  ? value::list{*what}
                                                            : value::list{};
            for (const value& each : one)
                if (each.as_text() && (name == "startswith" ? text->starts_with(*each.as_text())
                                                            : text->ends_with(*each.as_text())))
                    return value{true};
            return value{false};
        }
        if (name == "join")
            if (const auto items =
                    items_of(with.find(0, "items") ? *with.find(0, "items") : value{})) {
                std::string joined;
                for (std::size_t i = 0; i < items->size(); ++i) {
                    if (i > 0) joined += *text;
                    joined += to_text((*items)[i]);
                }
                return value::text(std::move(joined));
            }
        return std::nullopt;
    }
    if (const value::dict* members = of.as_dict()) {
        if (name == "items") return value::of(pairs_of(*members));
        if (name == "keys") return value::of(*items_of(of));
        if (name == "values") {
            value::list all;
            for (const auto& each : *members)
                all.push_back(each.second);
            return value::of(std::move(all));
        }
        if (name == "get") {
            const value* key = with.find(0, "key");
            const value* found = key && key->as_text() ? find(*members, *key->as_text()) : nullptr;
            if (found) return *found;
            return with.find(1, "default") ? *with.find(1, "default") : value{value::none{}};
        }
    }
    return std::nullopt;
}

} // namespace awq::jinja

#endif
