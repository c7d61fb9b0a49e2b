// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_BUDGET_HPP
#define AWQ_TEXT_JINJA_BUDGET_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/mapping.hpp>
#include <awq/text/jinja/value.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace awq::jinja {

/// What one rendered text may cost. All that a template does is charged by the bytes that it reads,
/// copies or makes, before it does it; what was made is never given back. So a hostile template
/// ends in an error within about a second, and its values take less memory than the limit.
class budget {
public:
    static constexpr std::size_t limit = 100'000'000;                ///< bytes
    static constexpr std::size_t step = 16;                          ///< of the interpreter
    static constexpr std::size_t text_limit = std::size_t{16} << 20; ///< bytes of one text
    static constexpr std::size_t list_limit = 1'000'000;             ///< values of one list
    static constexpr std::size_t depth_limit = 1000;                 ///< lists in lists

    status spend(std::size_t bytes)
    {
        if (bytes <= left_) {
            left_ -= bytes;
            return {};
        }
        left_ = 0;
        return error{error_code::unsupported,
                     "the template takes too many steps, or too much text; "
                     "it may touch ",
                     limit / 1'000'000, " million bytes for one sample"};
    }

    /// Before a text of so many bytes is made.
    status room_for_text(std::size_t bytes)
    {
        if (bytes <= text_limit) return spend(bytes + 64);
        return error{error_code::unsupported, "a text becomes too long: more than ", text_limit, " bytes"};
    }

    /// Before a list of so many values is made.
    status room_for_list(std::size_t values)
    {
        if (values <= list_limit) return spend(values * sizeof(value) + 64);
        return error{error_code::unsupported, "a list becomes too long: more than ", list_limit, " values"};
    }

    /// A text that is at hand.
    result<value> text(std::string content)
    {
        AWQ_CHECK(room_for_text(content.size()));
        return value::text(std::move(content));
    }

    /// A list, or a tuple, of values for which there was room.
    result<value> list(value::list items, bool is_tuple = false)
    {
        std::size_t depth = 0;
        for (const value& each : items) {
            AWQ_CHECK(hold(each, depth));
        }
        return value{std::make_shared<const sequence>(sequence{std::move(items), is_tuple, depth + 1})};
    }

    /// Sets a member of a mapping.
    status set(mapping& of, const value& key, value content)
    {
        if (!key_view::of(key))
            return error{error_code::unsupported, "a key of a mapping must be a text, a number, a bool or none"};
        std::size_t depth = of.depth - 1;
        AWQ_CHECK(hold(content, depth));
        AWQ_CHECK(spend(256 + (key.as_text() ? key.as_text()->size() : 0)));
        of.set(key, std::move(content));
        of.depth = depth + 1;
        return {};
    }

private:
    // A namespace can change: held by others it could hold itself, and lists could become deeper.
    static status hold(const value& each, std::size_t& depth)
    {
        const mapping* const members = each.as_dict();
        if (members && members->is_namespace)
            return error{error_code::unsupported, "a namespace in a list, a mapping or a namespace is not supported"};
        if (members) depth = std::max(depth, members->depth);
        if (const sequence* const items = each.as_sequence()) depth = std::max(depth, items->depth);
        if (depth < depth_limit) return {};
        return error{error_code::unsupported, "lists or mappings are nested too deeply"};
    }

    std::size_t left_ = limit;
};

} // namespace awq::jinja

#endif
