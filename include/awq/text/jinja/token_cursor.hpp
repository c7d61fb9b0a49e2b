// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_TOKEN_CURSOR_HPP
#define AWQ_TEXT_JINJA_TOKEN_CURSOR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/jinja/lexer.hpp>

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// Where a parser stands in its tokens.
class token_cursor {
public:
    explicit token_cursor(std::vector<token> tokens) : tokens_(std::move(tokens)) {}

protected:
    const token& now() const noexcept { return tokens_[at_]; }
    const token& after() const noexcept { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
    token take() { return at_ + 1 < tokens_.size() ? std::move(tokens_[at_++]) : tokens_[at_]; }

    template <class... Parts>
    error bad(const Parts&... parts) const
    {
        return error{error_code::malformed_file, "line ", now().line, ": ", parts...};
    }
    error unexpected() const { return bad("unexpected \"", printable(now().text), "\""); }

    bool is_symbol(std::string_view text) const noexcept
    {
        return now().what == token::kind::symbol && now().text == text;
    }
    bool is_name(std::string_view text) const noexcept { return now().what == token::kind::name && now().text == text; }
    bool skip_symbol(std::string_view text) { return is_symbol(text) && (++at_, true); }
    bool skip_name(std::string_view text) { return is_name(text) && (++at_, true); }
    status expect_symbol(std::string_view text)
    {
        if (skip_symbol(text)) return {};
        return bad("expected \"", text, "\", found \"", printable(now().text), "\"");
    }

private:
    std::vector<token> tokens_;
    std::size_t at_ = 0;
};

} // namespace awq::jinja

#endif
