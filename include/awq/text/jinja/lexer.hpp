// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_LEXER_HPP
#define AWQ_TEXT_JINJA_LEXER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/unicode.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// A piece of a template's source.
struct token {
    enum class kind { text, print_begin, print_end, block_begin, block_end, name, string, integer, real, symbol, end };
    kind what = kind::end;
    std::string text;
    std::size_t line = 1;
};

/// Cuts a template into tokens, with `trim_blocks` and `lstrip_blocks` on, as chat templates expect
/// it.
class lexer {
public:
    explicit lexer(std::string_view source)
    {
        for (std::size_t i = 0; i < source.size(); ++i) // \r\n and \r become \n
            if (source[i] != '\r')
                source_ += source[i];
            else if (i + 1 == source.size() || source[i + 1] != '\n')
                source_ += '\n';
        if (source_.ends_with('\n')) source_.pop_back();
    }

    result<std::vector<token>> tokens()
    {
        while (at_ < source_.size()) AWQ_CHECK(text());
        add(token::kind::end, {});
        return std::move(tokens_);
    }

private:
    std::string_view rest() const { return std::string_view{source_}.substr(at_); }

    void add(token::kind what, std::string text) { tokens_.push_back({what, std::move(text), line_}); }

    template <class... Parts>
    error bad(const Parts&... parts) const
    {
        return error{error_code::malformed_file, "line ", line_, ": ", parts...};
    }

    void advance(std::size_t count)
    {
        for (; count > 0; --count)
            if (source_[at_++] == '\n') ++line_;
    }

    // Text up to the next tag, and the tag.
    status text()
    {
        std::size_t tag = at_;
        do {
            tag = source_.find('{', tag);
            if (tag == std::string::npos || tag + 1 == source_.size()) tag = source_.size();
        } while (tag < source_.size() && std::string_view{"{%#"}.find(source_[tag + 1]) == std::string_view::npos &&
                 ++tag);
        std::string_view piece = std::string_view{source_}.substr(at_, tag - at_);
        const char kind = tag < source_.size() ? source_[tag + 1] : '\0';
        const char mark = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
        if (kind != '\0' && mark == '-') {
            piece = piece.substr(0, unicode::trailing_whitespace(piece));
        } else if ((kind == '%' || kind == '#') && mark != '+') {
            piece = without_indent(piece);
        }
        if (!piece.empty()) add(token::kind::text, std::string{piece});
        advance(tag - at_);
        if (kind == '\0') return {};
        advance(mark == '-' || mark == '+' ? 3 : 2);
        if (kind == '#') return comment();
        return kind == '{' ? print() : block();
    }

    // lstrip_blocks: blanks between the beginning of a line and a block go away.
    std::string_view without_indent(std::string_view piece) const
    {
        const std::size_t kept = piece.find_last_not_of(" \t") + 1;
        const bool line_begins = kept == 0 ? at_ == 0 || source_[at_ - 1] == '\n' : piece[kept - 1] == '\n';
        return line_begins ? piece.substr(0, kept) : piece;
    }

    // What follows a tag: "-" takes all white space away, a block one newline.
    void finish_tag(bool strip, bool keep, bool is_block)
    {
        if (strip) {
            advance(unicode::leading_whitespace(rest()));
        } else if (is_block && !keep && rest().starts_with('\n')) {
            advance(1);
        }
    }

    status comment()
    {
        const std::size_t end = source_.find("#}", at_);
        if (end == std::string::npos) return bad("{# without #}");
        const char mark = end > at_ ? source_[end - 1] : ' ';
        advance(end + 2 - at_);
        finish_tag(mark == '-', mark == '+', true);
        return {};
    }

    status print()
    {
        add(token::kind::print_begin, "{{");
        return tag("}}", token::kind::print_end);
    }

    status block()
    {
        add(token::kind::block_begin, "{%");
        return tag("%}", token::kind::block_end);
    }

    status tag(std::string_view close, token::kind end)
    {
        std::size_t depth = 0;
        for (;;) {
            advance(unicode::leading_whitespace(rest()));
            if (rest().empty()) return bad("a tag without ", close);
            const bool strip = rest().starts_with('-') && rest().substr(1).starts_with(close);
            const bool keep = rest().starts_with('+') && rest().substr(1).starts_with(close);
            if (depth == 0 && (strip || keep || rest().starts_with(close))) {
                advance(strip || keep ? 3 : 2);
                add(end, std::string{close});
                finish_tag(strip, keep, end == token::kind::block_end);
                return {};
            }
            AWQ_CHECK(item(depth));
        }
    }

    static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
    static bool is_word(char c) noexcept
    {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
    }

    status item(std::size_t& depth)
    {
        const char c = rest().front();
        if (c == '"' || c == '\'') return string(c);
        if (is_digit(c)) return number();
        if (is_word(c)) {
            std::size_t size = 1;
            while (size < rest().size() && is_word(rest()[size])) ++size;
            return take(token::kind::name, size);
        }
        for (const std::string_view two : {"==", "!=", "<=", ">=", "//", "**"})
            if (rest().starts_with(two)) return take(token::kind::symbol, 2);
        if (std::string_view{"([{"}.find(c) != std::string_view::npos) ++depth;
        if (std::string_view{")]}"}.find(c) != std::string_view::npos) {
            if (depth == 0) return bad("a '", c, "' too many");
            --depth;
        }
        if (std::string_view{"()[]{}.,:|~+-*/%<>="}.find(c) == std::string_view::npos)
            return bad("unexpected character '", c, "'");
        return take(token::kind::symbol, 1);
    }

    status take(token::kind what, std::size_t size)
    {
        add(what, std::string{rest().substr(0, size)});
        advance(size);
        return {};
    }

    std::size_t digits_from(std::size_t at) const
    {
        while (at < rest().size() && is_digit(rest()[at])) ++at;
        return at;
    }

    status number()
    {
        const auto digit_at = [&](std::size_t at) { return at < rest().size() && is_digit(rest()[at]); };
        const std::size_t whole = digits_from(0);
        std::size_t size = whole;
        if (rest().substr(size).starts_with('.') && digit_at(size + 1)) size = digits_from(size + 1);
        if (size < rest().size() && (rest()[size] | 32) == 'e') {
            const bool has_sign = size + 1 < rest().size() && (rest()[size + 1] == '-' || rest()[size + 1] == '+');
            const std::size_t first = size + (has_sign ? 2 : 1);
            if (digit_at(first)) size = digits_from(first);
        }
        return take(size == whole ? token::kind::integer : token::kind::real, size);
    }

    status string(char quote)
    {
        std::string content;
        advance(1);
        while (!rest().empty() && rest().front() != quote) {
            if (rest().front() != '\\') {
                content += rest().front();
                advance(1);
                continue;
            }
            advance(1);
            if (rest().empty()) break;
            AWQ_CHECK(escape(content));
        }
        if (rest().empty()) return bad("a string without its closing quote");
        add(token::kind::string, std::move(content));
        advance(1);
        return {};
    }

    status escape(std::string& content)
    {
        constexpr std::string_view names = "ntrbfv0", bytes{"\n\t\r\b\f\v\0", 7};
        const char name = rest().front();
        const std::size_t digits = name == 'x' ? 2 : name == 'u' ? 4 : name == 'U' ? 8 : 0;
        if (digits > 0) return code_point(content, digits);
        const std::size_t known = names.find(name);
        if (known != names.npos)
            content += bytes[known];
        else if (name == '\\' || name == '\'' || name == '"')
            content += name;
        else if (name != '\n')
            content += '\\', content += name;
        advance(1);
        return {};
    }

    status code_point(std::string& content, std::size_t digits)
    {
        const std::string_view hex = rest().substr(1, digits);
        if (hex.size() < digits || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos)
            return bad("an escape without its ", digits, " digits");
        char32_t code = 0;
        for (const char each : hex)
            code = code * 16 + static_cast<char32_t>(is_digit(each) ? each - '0' : (each | 32) - 'a' + 10);
        unicode::append(content, code);
        advance(1 + digits);
        return {};
    }

    std::string source_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::vector<token> tokens_;
};

} // namespace awq::jinja

#endif
