// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_JSON_LONG_INTEGERS_HPP
#define AWQ_IO_JSON_LONG_INTEGERS_HPP

#include <awq/support/requires_hosted.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace awq::json::detail {

// Whether the digits text[first, last) are an integer literal that does not fit 64 bits.
inline bool is_long_integer(std::string_view text, std::size_t first, std::size_t last) noexcept
{
    if (last - first < 19) return false;
    if (last < text.size() && std::string_view{".eE"}.find(text[last]) != std::string_view::npos) return false;
    const char before = first > 0 ? text[first - 1] : ' ';
    if (before == '.' || before == '+' || before == 'e' || before == 'E') return false;
    const char* end = text.data() + last;
    std::int64_t as_signed = 0;
    std::uint64_t as_unsigned = 0;
    return before == '-' ? std::from_chars(text.data() + first - 1, end, as_signed).ec != std::errc{}
                         : std::from_chars(text.data() + first, end, as_unsigned).ec != std::errc{};
}

// Integers beyond 64 bits ("model_max_length": 1000000000000000019884624838656) are valid JSON that
// simdjson refuses; as floating-point literals it takes them.
inline std::string with_long_integers_as_floats(std::string_view text)
{
    std::string rewritten;
    rewritten.reserve(text.size() + 64);
    bool inside_string = false;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t first = i;
        if (!inside_string)
            while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
        if (i > first) {
            rewritten.append(text, first, i - first);
            if (is_long_integer(text, first, i)) rewritten += ".0";
            continue;
        }
        if (text[i] == '"') inside_string = !inside_string;
        if (inside_string && text[i] == '\\' && i + 1 < text.size()) rewritten += text[i++];
        rewritten += text[i++];
    }
    return rewritten;
}

} // namespace awq::json::detail

#endif
