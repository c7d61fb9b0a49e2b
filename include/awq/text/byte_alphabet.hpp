// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_BYTE_ALPHABET_HPP
#define AWQ_TEXT_BYTE_ALPHABET_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/text/unicode.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The byte-level alphabet of GPT-2: a printable character for each of the 256 bytes.
/// Source: Radford et al., "Language Models are Unsupervised Multitask Learners", released code
/// (bytes_to_unicode).
namespace awq::byte_alphabet {

namespace detail {

constexpr bool stands_for_itself(unsigned byte) noexcept
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

struct tables {
    std::array<char16_t, 256> character{};
    std::array<std::int16_t, 0x144> byte{}; // by character; -1: none

    constexpr tables()
    {
        byte.fill(-1);
        unsigned next = 0x100;
        for (unsigned each = 0; each < 256; ++each) {
            const unsigned code = stands_for_itself(each) ? each : next++;
            character[each] = static_cast<char16_t>(code);
            byte[code] = static_cast<std::int16_t>(each);
        }
    }
};

inline constexpr tables both{};

} // namespace detail

/// The character that stands for a byte.
constexpr char32_t character(unsigned char byte) noexcept { return detail::both.character[byte]; }

/// The byte that a character stands for; nothing for a character outside the alphabet.
constexpr std::optional<unsigned char> byte(char32_t character) noexcept
{
    if (character >= detail::both.byte.size() || detail::both.byte[character] < 0) return std::nullopt;
    return static_cast<unsigned char>(detail::both.byte[character]);
}

/// Every byte of a text replaced by its character.
inline std::string encode(std::string_view bytes)
{
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char each : bytes) unicode::append(text, character(static_cast<unsigned char>(each)));
    return text;
}

/// The bytes that a text stands for; the text itself if one of its characters is outside the
/// alphabet.
inline std::string decode(std::string_view text)
{
    std::string bytes;
    for (std::size_t at = 0; at < text.size();) {
        const unicode::decoded next = unicode::decode(text, at);
        const auto found = byte(next.code_point);
        if (!found) return std::string{text};
        bytes.push_back(static_cast<char>(*found));
        at += next.size;
    }
    return bytes;
}

} // namespace awq::byte_alphabet

#endif
