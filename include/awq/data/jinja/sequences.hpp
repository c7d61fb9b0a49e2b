// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_SEQUENCES_HPP
#define AWQ_DATA_JINJA_SEQUENCES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/value.hpp>
#include <awq/data/unicode.hpp>

#include <cstddef>
#include <optional>
#include <utility>

/// Values as lists of values.
namespace awq::jinja {

namespace detail {

// The characters of a text, the items of a list, the keys of a mapping.
inline std::optional<value::list> items_of(const value& v)
{
    if (const auto* items = v.as_list()) return *items;
    value::list all;
    if (const auto* members = v.as_dict()) {
        for (const auto& each : *members)
            all.push_back(value::text(each.first));
        return all;
    }
    if (const auto* text = v.as_text()) {
        if (text->size() > list_limit) return std::nullopt;
        for (std::size_t at = 0; at < text->size();) {
            const std::size_t size = unicode::decode(*text, at).size;
            all.push_back(value::text(text->substr(at, size)));
            at += size;
        }
        return all;
    }
    if (v.is_undefined()) return all;
    return std::nullopt;
}

inline value::list pairs_of(const value::dict& members)
{
    value::list pairs;
    for (const auto& each : members)
        pairs.push_back(value::of(value::list{value::text(each.first), each.second}));
    return pairs;
}

inline bool is_less(const value& a, const value& b) noexcept
{
    if (a.as_text() && b.as_text()) return *a.as_text() < *b.as_text();
    return a.number() < b.number();
}

} // namespace detail

} // namespace awq::jinja

#endif
