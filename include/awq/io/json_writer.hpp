// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_JSON_WRITER_HPP
#define AWQ_IO_JSON_WRITER_HPP

#include <awq/support/requires_hosted.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::json {

namespace detail {

/// Bytes of the well-formed UTF-8 sequence (Unicode 15, table 3-7) at the start of `text`; 0 if
/// there is none.
inline std::size_t utf8_length(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto in = [&](std::size_t i, unsigned low, unsigned high) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    if (lead < 0xE0) return in(1, 0x80, 0xBF) ? 2 : 0;
    if (lead < 0xF0) {
        const bool second = in(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF); // no surrogates
        return second && in(2, 0x80, 0xBF) ? 3 : 0;
    }
    const bool second = in(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
}

inline void append_escape(std::string& text, unsigned char control)
{
    constexpr std::string_view digits = "0123456789abcdef";
    switch (control) {
    case '\b':
        text += "\\b";
        return;
    case '\f':
        text += "\\f";
        return;
    case '\n':
        text += "\\n";
        return;
    case '\r':
        text += "\\r";
        return;
    case '\t':
        text += "\\t";
        return;
    default:
        break;
    }
    text += "\\u00";
    text += digits[control >> 4];
    text += digits[control & 15];
}

} // namespace detail

/// Appends `content` to `text` as a JSON string with its quotes. Text that is not ASCII stays
/// UTF-8; each byte that is not valid UTF-8 becomes U+FFFD, so that the output is always valid
/// JSON.
inline void append_quoted(std::string& text, std::string_view content)
{
    text += '"';
    for (std::size_t i = 0; i < content.size();) {
        const auto lead = static_cast<unsigned char>(content[i]);
        if (lead < 0x20) {
            detail::append_escape(text, lead);
            ++i;
        } else if (lead == '"' || lead == '\\') {
            text += '\\';
            text += content[i++];
        } else if (const std::size_t length = detail::utf8_length(content.substr(i)); length > 0) {
            text.append(content, i, length);
            i += length;
        } else {
            text += "\xEF\xBF\xBD";
            ++i;
        }
    }
    text += '"';
}

/// Writes one JSON text (RFC 8259) piece by piece into a string. The caller keeps begin and end in
/// balance and gives every member of an object a key.
///
///     json::writer out{2};
///     out.begin_object().field("loss", 0.5).key("names").begin_array().value("a").end_array();
///     out.end_object();
///     std::string text = std::move(out).take();
class writer {
public:
    /// `indent` 0: compact, without any space; n: one line per value, n spaces per level.
    explicit writer(unsigned indent = 0) : indent_(indent) {}

    writer& begin_object() { return begin('{'); }
    writer& end_object() { return end('}'); }
    writer& begin_array() { return begin('['); }
    writer& end_array() { return end(']'); }

    writer& key(std::string_view name)
    {
        separate();
        append_quoted(text_, name);
        text_ += indent_ > 0 ? ": " : ":";
        after_key_ = true;
        return *this;
    }

    writer& value(std::string_view content)
    {
        separate();
        append_quoted(text_, content);
        return *this;
    }
    writer& value(const std::string& content) { return value(std::string_view{content}); }
    writer& value(const char* content) { return value(std::string_view{content}); }
    writer& value(std::same_as<bool> auto truth) { return raw(truth ? "true" : "false"); }

    template <std::integral Integer>
    requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>) writer& value(Integer number)
    {
        char digits[24];
        return raw({digits, std::to_chars(digits, digits + sizeof digits, number).ptr});
    }

    /// The shortest digits that read back as the same number, always with a point or an exponent,
    /// so that it stays a floating-point number for readers that tell them apart. Not a finite
    /// number: null.
    template <std::floating_point Float>
    writer& value(Float number)
    {
        if (!std::isfinite(number)) return null();
        const double magnitude = std::fabs(static_cast<double>(number));
        const bool fixed = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16);
        char digits[64];
        const auto written = std::to_chars(digits, digits + sizeof digits, number,
                                           fixed ? std::chars_format::fixed : std::chars_format::scientific);
        std::string literal{digits, written.ptr};
        if (literal.find_first_of(".e") == std::string::npos) literal += ".0";
        return raw(literal);
    }

    writer& null() { return raw("null"); }

    /// A fragment that is JSON already, unchanged.
    writer& raw(std::string_view fragment)
    {
        separate();
        text_ += fragment;
        return *this;
    }

    /// key(name) and value(content).
    template <class T>
    writer& field(std::string_view name, const T& content)
    {
        return key(name).value(content);
    }

    const std::string& text() const& noexcept { return text_; }
    /// The text, moved out.
    std::string take() && { return std::move(text_); }

private:
    writer& begin(char bracket)
    {
        separate();
        text_ += bracket;
        has_values_.push_back(false);
        return *this;
    }

    writer& end(char bracket)
    {
        const bool had_values = !has_values_.empty() && has_values_.back();
        if (!has_values_.empty()) has_values_.pop_back();
        if (had_values) new_line();
        text_ += bracket;
        return *this;
    }

    // What stands between the previous value and the next one.
    void separate()
    {
        if (std::exchange(after_key_, false) || has_values_.empty()) return;
        if (has_values_.back()) text_ += ',';
        has_values_.back() = true;
        new_line();
    }

    void new_line()
    {
        if (indent_ == 0) return;
        text_ += '\n';
        text_.append(indent_ * has_values_.size(), ' ');
    }

    std::string text_;
    std::vector<bool> has_values_; // one for each open bracket
    unsigned indent_;
    bool after_key_ = false;
};

} // namespace awq::json

#endif
