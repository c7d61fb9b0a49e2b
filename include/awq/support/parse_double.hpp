// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_PARSE_DOUBLE_HPP
#define AWQ_SUPPORT_PARSE_DOUBLE_HPP

#include <awq/support/requires_hosted.hpp>

#include <clocale>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#if __has_include(<xlocale.h>)
#include <xlocale.h>
#endif

namespace awq {

namespace detail {

// `std::strtod` as in the locale "C", whatever the program's own.
inline double strtod_in_c(const char* text, char** end)
{
#ifdef _WIN32
    static const _locale_t c = _create_locale(LC_ALL, "C");
    return _strtod_l(text, end, c);
#else
    static const locale_t c = newlocale(LC_ALL_MASK, "C", locale_t{});
    return strtod_l(text, end, c);
#endif
}

} // namespace detail

/// The decimal number, "inf", "infinity" or "nan" that the whole of `text` is, as the nearest double (infinite or 0
/// where it is beyond the range); a '-' may come first. Nothing for any other text. For `std::from_chars`, which
/// libc++ before version 20 does not have for double.
inline std::optional<double> parse_double(std::string_view text)
{
    const std::string_view unsigned_text = text.substr(text.starts_with('-') ? 1 : 0);
    const bool starts_well = unsigned_text.find_first_of("0123456789.iInN") == 0;
    if (!starts_well || unsigned_text.find_first_of("xX(") != text.npos) return std::nullopt;
    const std::string terminated{text};
    char* end = nullptr;
    const double value = detail::strtod_in_c(terminated.c_str(), &end);
    if (end != terminated.c_str() + terminated.size()) return std::nullopt;
    return value;
}

} // namespace awq

#endif
