// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_TEXT_GENERATED_TEXT_HPP
#define AWQ_TESTS_TEXT_GENERATED_TEXT_HPP

#include <awq/text/unicode.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// The text of tests/data/tokenizers/make_golden.py: the same bytes from the same seed.
namespace generated {

class random {
public:
    explicit random(std::uint64_t seed) : state_(seed) {}
    std::size_t below(std::size_t count)
    {
        state_ += 0x9E3779B97F4A7C15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return static_cast<std::size_t>((z ^ (z >> 31)) >> 33) % count;
    }
    template <class List>
    std::string_view one_of(const List& list)
    {
        return list[below(std::size(list))];
    }

private:
    std::uint64_t state_;
};

using namespace std::string_view_literals;

inline constexpr std::string_view contractions[] = {"'s", "'T", "'re",     "'LL", "'ve",
                                                    "'M", "'d", "'\u017f", "'",   "\u2019s"};
inline constexpr std::string_view numbers[] = {"0",      "7",      "42",     "1999",   "\u0663",
                                               "\u096b", "\u00b2", "\u00bd", "\u2167", "\U0001d7d8"};
inline constexpr std::string_view signs[] = {".",  ",",   "...",    "--", "!?", "(",      ")",      "\"", "/",
                                             "\\", "_",   "#",      "@",  "$",  "\u00a3", "\u2026", "<",  ">",
                                             "{}", "[0]", "\u3002", "=>", "&&", "\u00ab", "~"};
inline constexpr std::string_view spaces[] = {" ",      "  ",     "\t",       "\n",     "\r\n",   "\r",     "\x0b",
                                              "\x0c",   "\x1c",   "\xC2\x85", "\u00a0", "\u1680", "\u180e", "\u2003",
                                              "\u200b", "\u2028", "\u2029",   "\u202f", "\u205f", "\u3000", "\ufeff"};
inline constexpr std::string_view emoji[] = {"\U0001f600",
                                             "\U0001f44d\U0001f3fd",
                                             "\U0001f468\u200d\U0001f469\u200d\U0001f467",
                                             "\U0001f1e9\U0001f1ea",
                                             "\u2764\ufe0f",
                                             "\U0001f3f4\U000e0067\U000e0062\U000e007f",
                                             "1\ufe0f\u20e3",
                                             "\u00a9"};
inline constexpr std::string_view tokens[] = {
    "<|endoftext|>", "<|begin_of_text|>", "<s>",    "</s>",  "<0x0A>", "<|im_start|>", "<bos>", "<mask>", "<unk>",
    "\u2581",        "<tool_call>",       "\u0120", "[MASK]"};
inline constexpr std::string_view repeated[] = {"a", " ", "\n", "7", "-", "\u00e9", "ab", "\u4e2d"};

struct script {
    char32_t first;
    std::size_t count;
};
inline constexpr script scripts[] = {{0x4E00, 0x5200}, {0x3041, 0x50}, {0xAC00, 0x2BA0}, {0x400, 0x100}, {0x620, 0x2A}};

inline std::string repeat(std::string_view what, std::size_t count)
{
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += what;
    return all;
}

inline std::string character(std::size_t code)
{
    std::string text;
    awq::unicode::append(text, static_cast<char32_t>(code));
    return text;
}

inline std::string word(random& r)
{
    std::string letters;
    for (std::size_t count = 1 + r.below(9); count > 0; --count) {
        const std::size_t first = r.below(26);
        letters += "etaoinshrdlucmfwypvbgkjqxz"[std::min(first, r.below(26))];
    }
    if (r.below(16) == 0)
        for (char& each : letters) each = static_cast<char>(each - 'a' + 'A');
    return letters;
}

inline std::string words(random& r)
{
    std::string text;
    for (std::size_t count = 1 + r.below(12); count > 0; --count) text += word(r) + ' ';
    return text;
}

template <class List>
std::string several_of(random& r, const List& list, std::size_t most)
{
    std::string text;
    for (std::size_t count = 1 + r.below(most); count > 0; --count) text += r.one_of(list);
    return text;
}

inline std::string letters_of_one_script(random& r)
{
    const script chosen = scripts[r.below(5)];
    std::string text;
    for (std::size_t count = 1 + r.below(12); count > 0; --count)
        text += character(chosen.first + r.below(chosen.count));
    return text;
}

inline std::string letters_with_marks(random& r)
{
    std::string text;
    for (std::size_t count = 1 + r.below(4); count > 0; --count) {
        text += character(0x61 + r.below(26));
        for (std::size_t marks = 1 + r.below(4); marks > 0; --marks) text += character(0x300 + r.below(0x70));
    }
    return text;
}

inline std::string piece(random& r)
{
    const std::size_t kind = r.below(16);
    if (kind < 6) return words(r);
    if (kind == 6) return std::string{r.one_of(contractions)};
    if (kind == 7) return several_of(r, numbers, 5);
    if (kind == 8) return several_of(r, signs, 3);
    if (kind == 9) return several_of(r, spaces, 5);
    if (kind == 10) {
        const std::string_view chosen = r.one_of(emoji);
        return repeat(chosen, 1 + r.below(3));
    }
    if (kind == 11) return letters_of_one_script(r);
    if (kind == 12) return letters_with_marks(r);
    if (kind == 13) {
        std::size_t code = r.below(0x10F800);
        if (code >= 0xD800) code += 0x800;
        if ((code >= 0x10500 && code < 0x1F000) || (code >= 0x2EB00 && code < 0x2F000) ||
            (code >= 0x31300 && code < 0x33000))
            code &= 0x7FF; // blocks with characters that not every Unicode library knows yet
        return character(code);
    }
    if (kind == 14) return std::string{r.one_of(tokens)};
    if (r.below(64) != 0) return character(r.below(0x20));
    const std::string_view chosen = r.one_of(repeated);
    return repeat(chosen, 1 + r.below(3000));
}

inline std::string text(std::size_t size, std::uint64_t seed)
{
    random r{seed};
    std::string all;
    for (int i = 0; i < 24000; ++i) all += word(r);
    all += '\n' + std::string(50000, ' ') + 'x' + repeat("ab", 25000) + '\n';
    while (all.size() < size) all += piece(r);
    return all;
}

/// FNV-1a over numbers as four little-endian bytes each, in hex.
template <class Number>
std::string fnv(std::span<const Number> numbers)
{
    std::uint64_t hash = 0xCBF29CE484222325u;
    for (const Number number : numbers)
        for (unsigned shift = 0; shift < 32; shift += 8)
            hash = (hash ^ (static_cast<std::uint32_t>(number) >> shift & 0xFF)) * 0x100000001B3u;
    std::string hex;
    for (unsigned shift = 64; shift > 0; shift -= 4) hex += "0123456789abcdef"[hash >> (shift - 4) & 15];
    return hex;
}

} // namespace generated

#endif
