// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_UNICODE_HPP
#define AWQ_TEXT_UNICODE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF.
namespace awq::unicode {

/// U+FFFD as UTF-8: stands for bytes that are no UTF-8.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

/// One decoded code point. `size` counts the bytes it takes; `valid` is false for bytes that are no
/// UTF-8, and then `size` is the longest part of them that could begin a character (at least 1).
struct decoded {
    char32_t code_point = 0xFFFD;
    std::size_t size = 1;
    bool valid = false;
};

namespace detail {

struct sequence_shape {
    std::size_t size;
    unsigned char first_low, first_high; // the range of the second byte
    char32_t bits;
};

// The shape of a sequence by its lead byte (Unicode Standard, table 3-7); size 0 for no lead byte.
constexpr sequence_shape shape_of(unsigned char lead) noexcept
{
    if (lead < 0xC2) return {0, 0, 0, 0};
    if (lead < 0xE0) return {2, 0x80, 0xBF, lead & 0x1Fu};
    if (lead == 0xE0) return {3, 0xA0, 0xBF, 0};
    if (lead == 0xED) return {3, 0x80, 0x9F, 0x0D};
    if (lead < 0xF0) return {3, 0x80, 0xBF, lead & 0x0Fu};
    if (lead == 0xF0) return {4, 0x90, 0xBF, 0};
    if (lead < 0xF4) return {4, 0x80, 0xBF, lead & 0x07u};
    if (lead == 0xF4) return {4, 0x80, 0x8F, 4};
    return {0, 0, 0, 0};
}

} // namespace detail

/// The code point at `text[at]`; `at` must be less than `text.size()`.
constexpr decoded decode(std::string_view text, std::size_t at = 0) noexcept
{
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return {lead, 1, true};
    const detail::sequence_shape shape = detail::shape_of(lead);
    if (shape.size == 0) return {};
    char32_t code_point = shape.bits;
    for (std::size_t i = 1; i < shape.size; ++i) {
        if (at + i == text.size()) return {0xFFFD, i, false};
        const auto next = static_cast<unsigned char>(text[at + i]);
        const unsigned low = i == 1 ? shape.first_low : 0x80;
        const unsigned high = i == 1 ? shape.first_high : 0xBF;
        if (next < low || next > high) return {0xFFFD, i, false};
        code_point = code_point << 6 | (next & 0x3Fu);
    }
    return {code_point, shape.size, true};
}

/// Bytes of the valid character at `text[at]`.
constexpr std::size_t character_size(std::string_view text, std::size_t at) noexcept
{
    const auto lead = static_cast<unsigned char>(text[at]);
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/// Appends a code point as UTF-8; a surrogate or a number beyond U+10FFFF becomes U+FFFD.
inline void append(std::string& text, char32_t code_point)
{
    const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
    const auto tail = [&](unsigned shift) { put(0x80 | (code_point >> shift & 0x3F)); };
    if (code_point < 0x80) return put(code_point);
    if (code_point < 0x800) return put(0xC0 | code_point >> 6), tail(0);
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) {
        text += replacement_character;
    } else if (code_point < 0x10000) {
        put(0xE0 | code_point >> 12), tail(6), tail(0);
    } else {
        put(0xF0 | code_point >> 18), tail(12), tail(6), tail(0);
    }
}

/// Position of the first byte that is no UTF-8, or `npos` if the whole text is.
constexpr std::size_t find_invalid(std::string_view text) noexcept
{
    for (std::size_t at = 0; at < text.size();) {
        if (static_cast<unsigned char>(text[at]) < 0x80) {
            ++at;
            continue;
        }
        const decoded next = decode(text, at);
        if (!next.valid) return at;
        at += next.size;
    }
    return std::string_view::npos;
}

/// An error that names `where` and the offset of the first byte that is no UTF-8, if there is one.
inline status check_utf8(std::string_view text, std::string_view where)
{
    const std::size_t at = find_invalid(text);
    if (at == std::string_view::npos) return {};
    return error{error_code::malformed_file, where, ": byte ", at,
                 " is not valid UTF-8; convert the text to UTF-8 first"};
}

/// The bytes as UTF-8, with U+FFFD for each longest part that could begin a character but does not.
inline std::string lossy(std::string_view bytes)
{
    if (find_invalid(bytes) == std::string_view::npos) return std::string{bytes};
    std::string text;
    for (std::size_t at = 0; at < bytes.size();) {
        const decoded next = decode(bytes, at);
        text += next.valid ? bytes.substr(at, next.size) : replacement_character;
        at += next.size;
    }
    return text;
}

/// Whether every byte is below 0x80.
constexpr bool is_ascii(std::string_view text) noexcept
{
    for (const char each : text)
        if (static_cast<unsigned char>(each) >= 0x80) return false;
    return true;
}

/// Unicode's White_Space property.
constexpr bool is_whitespace(char32_t c) noexcept
{
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Bytes of white space at the beginning of a valid text.
constexpr std::size_t leading_whitespace(std::string_view text) noexcept
{
    std::size_t size = 0;
    while (size < text.size()) {
        const decoded next = decode(text, size);
        if (!is_whitespace(next.code_point)) break;
        size += next.size;
    }
    return size;
}

/// Position where the last character of a valid, non-empty text begins.
constexpr std::size_t last_character(std::string_view text) noexcept
{
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
    return at;
}

/// Position where the white space at the end of a valid text begins.
constexpr std::size_t trailing_whitespace(std::string_view text) noexcept
{
    while (!text.empty()) {
        const std::size_t last = last_character(text);
        if (!is_whitespace(decode(text, last).code_point)) break;
        text = text.substr(0, last);
    }
    return text.size();
}

} // namespace awq::unicode

#endif
