// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_MARKUP_HPP
#define AWQ_REPORT_HTML_MARKUP_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_writer.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::html {

/// Appends text so that it is nothing but text, in content and in quoted attributes. Control characters
/// and bytes that are not UTF-8 become U+FFFD.
inline void append_escaped(std::string& page, std::string_view text)
{
    constexpr std::string_view replacement = "\xEF\xBF\xBD";
    while (!text.empty()) {
        const std::size_t length = json::detail::utf8_length(text);
        const auto lead = static_cast<unsigned char>(text.front());
        switch (lead) {
        case '&':
            page += "&amp;";
            break;
        case '<':
            page += "&lt;";
            break;
        case '>':
            page += "&gt;";
            break;
        case '"':
            page += "&quot;";
            break;
        case '\'':
            page += "&#39;";
            break;
        default:
            if (length == 0 || lead < 0x20 || lead == 0x7F)
                page += replacement;
            else
                page += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
}

struct attribute {
    std::string_view name;
    std::string value;
};
using attributes = std::initializer_list<attribute>;

/// Writes elements of HTML and SVG, well-formed as XML too. All text is escaped but the style sheet's;
/// names of elements and attributes are the caller's own.
class writer {
public:
    writer& open(std::string_view element, attributes with = {})
    {
        begin(element, with);
        page_ += '>';
        open_.push_back(element);
        return *this;
    }
    /// Closes the element that was opened last.
    writer& close()
    {
        page_ += "</";
        page_ += open_.back();
        page_ += '>';
        if (!is_inline(open_.back())) page_ += '\n';
        open_.pop_back();
        return *this;
    }
    writer& text(std::string_view content)
    {
        append_escaped(page_, content);
        return *this;
    }
    /// An element with nothing but text.
    writer& leaf(std::string_view element, std::string_view content, attributes with = {})
    {
        return open(element, with).text(content).close();
    }
    /// An element without content: `<meta/>`, `<rect/>`.
    writer& empty(std::string_view element, attributes with)
    {
        begin(element, with);
        page_ += "/>";
        return *this;
    }
    /// A style sheet, as it is: it must not come from anywhere but the program itself.
    writer& style(std::string_view sheet)
    {
        page_ += "<style>";
        page_ += sheet;
        page_ += "</style>\n";
        return *this;
    }

    /// The page, when all that was opened is closed.
    std::string take() && { return "<!DOCTYPE html>\n" + std::move(page_); }

private:
    /// White space behind it would be seen.
    static bool is_inline(std::string_view element) noexcept
    {
        return element == "b" || element == "code" || element == "span" || element == "svg";
    }

    void begin(std::string_view element, attributes with)
    {
        page_ += '<';
        page_ += element;
        for (const attribute& each : with) {
            page_ += ' ';
            page_ += each.name;
            page_ += "=\"";
            append_escaped(page_, each.value);
            page_ += '"';
        }
    }

    std::string page_;
    std::vector<std::string_view> open_; ///< names, which are literals
};

} // namespace awq::html

#endif
