// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_TEMPLATE_PARSER_HPP
#define AWQ_TEXT_JINJA_TEMPLATE_PARSER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/expression_parser.hpp>
#include <awq/text/jinja/lexer.hpp>
#include <awq/text/jinja/syntax.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// Reads a template from its tokens.
class template_parser : public expression_parser {
public:
    using expression_parser::expression_parser;

    /// Errors: `malformed_file` for broken syntax, `unsupported` for a statement that is not known;
    /// with the line.
    result<std::vector<statement>> parse() { return statements({}); }

private:
    using kind = statement::kind;
    using body = std::vector<statement>;

    statement make_statement(kind what, std::string text = {}) const
    {
        statement made;
        made.what = what;
        made.line = now().line;
        made.text = std::move(text);
        return made;
    }

    // Up to a block that begins with one of `ends`; its first word is taken, nothing else of it.
    result<body> statements(std::initializer_list<std::string_view> ends)
    {
        if (++nesting_ > 100) return bad("blocks are nested too deeply");
        body all;
        while (now().what != token::kind::end) {
            if (now().what == token::kind::text) {
                statement plain = make_statement(kind::text);
                plain.text = take().text;
                all.push_back(std::move(plain));
            } else if (now().what == token::kind::print_begin) {
                AWQ_TRY(statement printed, print());
                all.push_back(std::move(printed));
            } else {
                take(); // {%
                if (std::find(ends.begin(), ends.end(), now().text) != ends.end()) {
                    ended_by_ = take().text;
                    --nesting_;
                    return all;
                }
                AWQ_TRY(statement made, block());
                all.push_back(std::move(made));
            }
        }
        if (ends.size() > 0) return bad("the template ends where {% ", *(ends.end() - 1), " %} should be");
        --nesting_;
        return all;
    }

    status close_block()
    {
        if (now().what != token::kind::block_end) return unexpected();
        take();
        return {};
    }

    // The rest of a block's tag, its statements, and the closing block.
    result<body> body_until(std::string_view end)
    {
        AWQ_CHECK(close_block());
        AWQ_TRY(body inner, statements({end}));
        AWQ_CHECK(close_block());
        return inner;
    }

    result<statement> print()
    {
        take();
        statement made = make_statement(kind::print);
        AWQ_TRY(expression printed, tuple());
        made.expressions.push_back(std::move(printed));
        if (now().what != token::kind::print_end) return unexpected();
        take();
        return made;
    }

    result<statement> block()
    {
        const std::string word = take().text;
        if (word == "if") return branch();
        if (word == "for") return loop();
        if (word == "set") return assign();
        if (word == "macro") return macro();
        if (word == "break" || word == "continue") {
            statement made = make_statement(word == "break" ? kind::leave : kind::proceed);
            AWQ_CHECK(close_block());
            return made;
        }
        if (word == "generation") { // marks what the assistant wrote; prints like any text
            statement made = make_statement(kind::group);
            AWQ_TRY(body inner, body_until("endgeneration"));
            made.bodies.push_back(std::move(inner));
            return made;
        }
        return error{error_code::unsupported, "line ",         now().line,
                     ": the statement {% ",   printable(word), " %} is not supported"};
    }

    result<statement> branch()
    {
        statement made = make_statement(kind::branch);
        do {
            AWQ_TRY(expression condition_met, condition());
            made.expressions.push_back(std::move(condition_met));
            AWQ_CHECK(close_block());
            AWQ_TRY(body inner, statements({"elif", "else", "endif"}));
            made.bodies.push_back(std::move(inner));
        } while (ended_by_ == "elif");
        if (ended_by_ == "else") {
            AWQ_CHECK(close_block());
            AWQ_TRY(body otherwise, statements({"endif"}));
            made.bodies.push_back(std::move(otherwise));
        }
        AWQ_CHECK(close_block());
        return made;
    }

    // a, b or (a, b)
    status targets(std::vector<std::string>& names)
    {
        const bool wrapped = skip_symbol("(");
        do {
            if (now().what != token::kind::name) return unexpected();
            names.push_back(take().text);
        } while (skip_symbol(",") && now().what == token::kind::name);
        return wrapped ? expect_symbol(")") : status{};
    }

    result<statement> loop()
    {
        statement made = make_statement(kind::loop);
        AWQ_CHECK(targets(made.names));
        if (!skip_name("in")) return unexpected();
        AWQ_TRY(expression items, unconditional());
        made.expressions.push_back(std::move(items));
        if (skip_name("if")) {
            AWQ_TRY(expression filter, condition());
            made.expressions.push_back(std::move(filter));
        }
        if (is_name("recursive"))
            return error{error_code::unsupported, "line ", now().line, ": recursive loops are not supported"};
        AWQ_CHECK(close_block());
        AWQ_TRY(body inner, statements({"else", "endfor"}));
        made.bodies.push_back(std::move(inner));
        if (ended_by_ == "else") {
            AWQ_CHECK(close_block());
            AWQ_TRY(body otherwise, statements({"endfor"}));
            made.bodies.push_back(std::move(otherwise));
        }
        AWQ_CHECK(close_block());
        return made;
    }

    result<statement> assign()
    {
        statement made = make_statement(kind::assign);
        AWQ_CHECK(targets(made.names));
        if (skip_symbol(".")) {
            if (now().what != token::kind::name || made.names.size() != 1) return unexpected();
            made.text = take().text;
        }
        if (skip_symbol("=")) {
            AWQ_TRY(expression content, tuple());
            made.expressions.push_back(std::move(content));
            AWQ_CHECK(close_block());
            return made;
        }
        if (made.names.size() != 1 || !made.text.empty()) return unexpected();
        return capture(std::move(made));
    }

    // {% set name | filter %} ... {% endset %}
    result<statement> capture(statement made)
    {
        made.what = kind::capture;
        expression content; // stands for what the block prints
        const bool filtered = is_symbol("|");
        while (skip_symbol("|")) {
            AWQ_TRY(content, filter(std::move(content)));
        }
        if (filtered) made.expressions.push_back(std::move(content));
        AWQ_TRY(body inner, body_until("endset"));
        made.bodies.push_back(std::move(inner));
        return made;
    }

    result<statement> macro()
    {
        if (now().what != token::kind::name) return unexpected();
        statement made = make_statement(kind::macro, now().text);
        take();
        AWQ_CHECK(expect_symbol("("));
        while (!is_symbol(")")) {
            if (now().what != token::kind::name) return unexpected();
            made.names.push_back(take().text);
            if (skip_symbol("=")) {
                AWQ_TRY(expression fallback, condition());
                made.expressions.push_back(std::move(fallback));
            } else if (!made.expressions.empty()) {
                return unexpected();
            }
            if (!skip_symbol(",")) break;
        }
        AWQ_CHECK(expect_symbol(")"));
        AWQ_TRY(body inner, body_until("endmacro"));
        made.bodies.push_back(std::move(inner));
        return made;
    }

    std::string ended_by_;
    std::size_t nesting_ = 0;
};

} // namespace awq::jinja

#endif
