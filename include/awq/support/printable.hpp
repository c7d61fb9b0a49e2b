// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_PRINTABLE_HPP
#define AWQ_SUPPORT_PRINTABLE_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace awq {

/// A name that came out of a file, made fit for a one-line error text: control characters become '?', and a
/// name longer than `limit` bytes is cut and ends in "...".
inline std::string printable(std::string_view name, std::size_t limit = 120)
{
    std::string shown{name.substr(0, limit)};
    for (char& each : shown)
        if (static_cast<unsigned char>(each) < 0x20 || each == 0x7F) each = '?';
    if (name.size() > limit) {
        while (!shown.empty() && (static_cast<unsigned char>(shown.back()) & 0xC0) == 0x80)
            shown.pop_back(); // do not end inside a UTF-8 sequence
        if (!shown.empty() && static_cast<unsigned char>(shown.back()) >= 0xC0) shown.pop_back();
        shown += "...";
    }
    return shown;
}

/// The first line of a text.
inline std::string_view one_line(std::string_view text) noexcept { return text.substr(0, text.find_first_of("\r\n")); }

} // namespace awq

#endif
