// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_FROM_JSON_HPP
#define AWQ_TEXT_JINJA_FROM_JSON_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/support/result.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/mapping.hpp>
#include <awq/text/jinja/value.hpp>

#include <memory>
#include <string>
#include <utility>

namespace awq::jinja {

/// A JSON value as a template sees it.
inline result<value> from_json(const json::value& from, budget& work)
{
    AWQ_CHECK(work.spend(budget::step));
    if (from.is_object()) {
        auto members = std::make_shared<mapping>();
        for (const json::member& each : from.members()) {
            AWQ_TRY(value content, from_json(each.value, work));
            AWQ_TRY(const value key, work.text(std::string{each.key}));
            AWQ_CHECK(work.set(*members, key, std::move(content)));
        }
        return value{std::move(members)};
    }
    if (from.is_array()) {
        const auto elements = from.elements();
        AWQ_CHECK(work.room_for_list(elements.size()));
        value::list items;
        items.reserve(elements.size());
        for (const json::value& each : elements) {
            AWQ_TRY(value item, from_json(each, work));
            items.push_back(std::move(item));
        }
        return work.list(std::move(items));
    }
    if (const auto text = from.as_string()) return work.text(std::string{*text});
    if (const auto flag = from.as_bool()) return value{*flag};
    if (const auto whole = from.as_integer()) return value{*whole};
    if (from.is_integer()) return from.error(error_code::unsupported, "an integer of more than 64 bits");
    if (const auto real = from.as_number()) return value{*real};
    return value{value::none{}};
}

} // namespace awq::jinja

#endif
