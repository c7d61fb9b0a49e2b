// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <awq/text/unicode.hpp>
#include <awq/text/unicode_normalization.hpp>

#include <string>
#include <string_view>

namespace unicode = awq::unicode;

TEST_CASE("Every code point survives encoding and decoding")
{
    std::size_t wrong = 0;
    for (char32_t each = 0; each <= 0x10FFFF; ++each) {
        if (each == 0xD800) each = 0xE000;
        std::string text;
        unicode::append(text, each);
        const unicode::decoded read = unicode::decode(text);
        wrong += !read.valid || read.code_point != each || read.size != text.size() ||
                 unicode::character_size(text, 0) != text.size();
    }
    CHECK(wrong == 0);
}

TEST_CASE("What is no UTF-8 is found, and replaced by parts")
{
    // Overlong forms, surrogates, beyond U+10FFFF, lone and missing continuation bytes.
    for (const std::string_view bad : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80",
                                       "\xF0\x80\x80\x80", "\xFF", "\xC3", "\xE2\x96", "\xF0\x9F\x98"}) {
        const std::string text = "ab" + std::string{bad};
        CHECK(unicode::find_invalid(text) == 2);
        CHECK_FALSE(unicode::check_utf8(text, "here"));
        CHECK(unicode::find_invalid(unicode::lossy(text + "z")) == std::string_view::npos);
    }
    CHECK(unicode::check_utf8("x\xFF", "f.txt").error().text().starts_with("f.txt: byte 1 "));
    // A cut-off character is one replacement; bytes that begin nothing are one each.
    CHECK(unicode::lossy("\xF0\x9F\x98") == "\uFFFD");
    CHECK(unicode::lossy("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
    CHECK(unicode::lossy("a\xE2\x96z") == "a\uFFFDz");
    CHECK(unicode::lossy("\u00e9") == "\u00e9");
}

TEST_CASE("White space is trimmed by characters, not bytes")
{
    CHECK(unicode::leading_whitespace("\u3000 \u0085x ") == 6);
    CHECK(unicode::trailing_whitespace("x\u2028\t") == 1);
    CHECK(unicode::trailing_whitespace("  ") == 0);
    CHECK(unicode::leading_whitespace("\u200b") == 0);
    CHECK_FALSE(unicode::is_whitespace(0x180E));
}

TEST_CASE("Normalization forms")
{
    using enum unicode::normalization_form;
    CHECK(*unicode::normalize("e\u0301", nfc) == "\u00e9");
    CHECK(*unicode::normalize("\u00e9", nfd) == "e\u0301");
    CHECK(*unicode::normalize("\ufb01\u2460\u212b", nfkc) == "fi1\u00c5");
    CHECK(*unicode::normalize("\ufb01", nfkd) == "fi");
    CHECK(*unicode::normalize("\uac00", nfd) == "\u1100\u1161");
    CHECK(*unicode::normalize("plain", nfc) == "plain");
    CHECK(*unicode::normalize("q\u0307\u0323", nfc) == "q\u0323\u0307");
    CHECK(unicode::lower_case("\u0130\u00c9A\u03a3") == "i\u0307\u00e9a\u03c3");
}
