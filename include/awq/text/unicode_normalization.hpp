// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_UNICODE_NORMALIZATION_HPP
#define AWQ_TEXT_UNICODE_NORMALIZATION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/unicode.hpp>
#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

/// What needs Unicode's character tables, by utf8proc.
namespace awq::unicode {

/// The normalization forms of Unicode Standard Annex 15.
enum class normalization_form { nfc, nfd, nfkc, nfkd };

/// Refuses more combining marks in a row than any script has: to bring n of them into their order
/// takes n^2 steps.
inline status check_marks(std::string_view text)
{
    constexpr std::size_t most = 256;
    std::size_t marks = 0;
    for (std::size_t at = 0; at < text.size();) {
        const decoded next = decode(text, at);
        const auto* const about = utf8proc_get_property(static_cast<utf8proc_int32_t>(next.code_point));
        marks = about->combining_class == 0 ? 0 : marks + 1;
        if (marks > most)
            return error{error_code::unsupported, "byte ", at, ": more than ", most, " combining marks in a row"};
        at += next.size;
    }
    return {};
}

/// A valid UTF-8 text in a normalization form.
inline result<std::string> normalize(std::string_view text, normalization_form form)
{
    using enum normalization_form;
    const int compose = form == nfc || form == nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    const int compatible = form == nfkc || form == nfkd ? UTF8PROC_COMPAT : 0;
    if (is_ascii(text)) return std::string{text};
    AWQ_CHECK(check_marks(text));
    utf8proc_uint8_t* bytes = nullptr;
    const utf8proc_ssize_t size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                     &bytes, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | compose | compatible));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner{bytes, &std::free};
    if (size < 0)
        return error{size == UTF8PROC_ERROR_NOMEM ? error_code::out_of_memory : error_code::malformed_file,
                     "text cannot be normalized: ", utf8proc_errmsg(size)};
    return std::string{reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

/// Appends a character in upper or lower case.
inline void append_upper(std::string& text, char32_t code_point)
{
    if (code_point == 0xDF) { // the sharp s, whose upper case is two
        text += "SS";
        return;
    }
    append(text, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code_point))));
}
/// Appends the lower case of a character, as UTF-8; of U+0130 it is two characters.
inline void append_lower(std::string& text, char32_t code_point)
{
    if (code_point == 0x130) { // the one character whose lower case is two
        text += "i\xCC\x87";
        return;
    }
    append(text, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
}

/// The text with every character in lower case, without regard to its neighbours.
inline std::string lower_case(std::string_view text)
{
    std::string lowered;
    lowered.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const decoded next = decode(text, at);
        at += next.size;
        append_lower(lowered, next.code_point);
    }
    return lowered;
}

/// Whether the character is a mark (general categories Mn, Mc, Me).
inline bool is_mark(char32_t code_point) noexcept
{
    const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

/// Whether the character is a letter (general categories L...).
inline bool is_letter(char32_t code_point) noexcept
{
    const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

/// Whether the character is a number (general categories N...).
inline bool is_number(char32_t code_point) noexcept
{
    const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
    return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

/// Whether Python's repr prints the character as it stands: no control, separator or unassigned
/// one, but the space.
inline bool is_printable(char32_t code_point) noexcept
{
    if (code_point < 0x7F) return code_point >= 0x20;
    const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
    return category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS;
}

} // namespace awq::unicode

#endif
