// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_ARGUMENTS_HPP
#define AWQ_TEXT_JINJA_ARGUMENTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/jinja/mapping.hpp>
#include <awq/text/jinja/value.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace awq::jinja {

namespace detail {

inline error wrong_type(std::string_view what, std::string_view name)
{
    return error{error_code::malformed_file, what, " \"", printable(name), "\" does not fit its value"};
}

} // namespace detail

/// Arguments of a call: by position, then by name. They are read without copies.
struct arguments {
    value::list positional;
    mapping named;
    std::size_t skipped = 0; ///< positions that belong to someone else

    std::size_t size() const noexcept { return positional.size() - skipped; }

    const value* find(std::size_t index, std::string_view name) const noexcept
    {
        if (index < size()) return &positional[index + skipped];
        return named.find(name);
    }
    std::int64_t integer(std::size_t index, std::string_view name, std::int64_t fallback) const noexcept
    {
        const value* found = find(index, name);
        return found && found->is_whole() ? found->whole() : fallback;
    }
    /// Lives as long as the arguments.
    std::string_view text(std::size_t index, std::string_view name, std::string_view fallback) const noexcept
    {
        const value* found = find(index, name);
        return found && found->as_text() ? std::string_view{*found->as_text()} : fallback;
    }
};

} // namespace awq::jinja

#endif
