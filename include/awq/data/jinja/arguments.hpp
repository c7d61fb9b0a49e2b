// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_ARGUMENTS_HPP
#define AWQ_DATA_JINJA_ARGUMENTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/value.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace awq::jinja {

/// Arguments of a call: by position, then by name.
struct arguments {
    value::list positional;
    value::dict named;

    const value* find(std::size_t index, std::string_view name) const noexcept
    {
        if (index < positional.size()) return &positional[index];
        return jinja::find(named, name);
    }
    std::int64_t integer(std::size_t index, std::string_view name,
                         std::int64_t fallback) const noexcept
    {
        const value* found = find(index, name);
        return found && found->as_integer() ? *found->as_integer() : fallback;
    }
    std::string text(std::size_t index, std::string_view name, std::string_view fallback) const
    {
        const value* found = find(index, name);
        return found && found->as_text() ? *found->as_text() : std::string{fallback};
    }
    bool flag(std::size_t index, std::string_view name, bool fallback) const noexcept
    {
        const value* found = find(index, name);
        return found ? truthy(*found) : fallback;
    }
};

namespace detail {

inline error wrong_type(std::string_view what, std::string_view name)
{
    return error{error_code::malformed_file, what, " \"", printable(name),
                 "\" does not fit its value"};
}

} // namespace detail

} // namespace awq::jinja

#endif
