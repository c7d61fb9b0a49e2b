// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_EXPRESSION_PARSER_HPP
#define AWQ_TEXT_JINJA_EXPRESSION_PARSER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/parse_double.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/jinja/syntax.hpp>
#include <awq/text/jinja/token_cursor.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq::jinja {

/// Reads expressions from tokens, by Jinja's precedence.
class expression_parser : public token_cursor {
public:
    using token_cursor::token_cursor;

protected:
    using kind = expression::kind;

    expression make(kind what, std::vector<expression> parts = {}, std::string text = {}) const
    {
        expression made;
        made.what = what;
        made.line = now().line;
        made.parts = std::move(parts);
        made.text = std::move(text);
        return made;
    }
    expression make(kind what, expression first, std::string text = {}) const
    {
        expression made = make(what, std::vector<expression>{}, std::move(text));
        made.height = first.height + 1;
        made.parts.push_back(std::move(first));
        return made;
    }
    expression make(kind what, expression first, expression second, std::string text = {}) const
    {
        expression made = make(what, std::move(first), std::move(text));
        made.height = std::max(made.height, second.height + 1);
        made.parts.push_back(std::move(second));
        return made;
    }

    /// Adds a part to an expression.
    static void add(expression& to, expression part)
    {
        to.height = std::max(to.height, part.height + 1);
        to.parts.push_back(std::move(part));
    }

    /// Chains (a + b + c ..., a.b.c ...) make a tree as deep as they are long.
    status check_height(const expression& tree) const
    {
        if (tree.height <= 200) return {};
        return bad("the expression is too long");
    }

    /// a, b, c is a tuple.
    result<expression> tuple()
    {
        AWQ_TRY(expression first, condition());
        if (!is_symbol(",")) return first;
        expression all = make(kind::list, std::move(first), "()");
        while (skip_symbol(",")) {
            if (now().what == token::kind::block_end || now().what == token::kind::print_end) break;
            AWQ_TRY(expression next, condition());
            add(all, std::move(next));
        }
        return all;
    }

    result<expression> condition()
    {
        if (++depth_ > 100) return bad("expressions are nested too deeply");
        AWQ_TRY(expression chosen, logic("or"));
        while (skip_name("if")) {
            AWQ_TRY(expression test, logic("or"));
            chosen = make(kind::choice, std::move(chosen), std::move(test));
            if (skip_name("else")) {
                AWQ_TRY(expression otherwise, condition());
                add(chosen, std::move(otherwise));
            }
            AWQ_CHECK(check_height(chosen));
        }
        --depth_;
        return chosen;
    }

    /// As `condition`, without "if": the list of a for loop.
    result<expression> unconditional()
    {
        AWQ_TRY(expression first, logic("or"));
        return first;
    }

private:
    result<expression> logic(std::string_view word)
    {
        const bool is_or = word == "or";
        AWQ_TRY(expression left, is_or ? logic("and") : negation());
        while (skip_name(word)) {
            AWQ_TRY(expression right, is_or ? logic("and") : negation());
            left = make(kind::logic, std::move(left), std::move(right), std::string{word});
            AWQ_CHECK(check_height(left));
        }
        return left;
    }

    result<expression> negation()
    {
        std::size_t count = 0;
        while (skip_name("not")) ++count;
        AWQ_TRY(expression inner, compare());
        for (std::size_t i = count == 0 ? 0 : 2 - count % 2; i > 0; --i) inner = make(kind::negation, std::move(inner));
        return inner;
    }

    result<expression> compare()
    {
        AWQ_TRY(expression left, binary(0));
        expression chain = make(kind::compare, std::move(left));
        for (;;) {
            std::string name;
            if (is_name("not") && after().text == "in") take(), name = "not ";
            if (is_name("in"))
                name += "in";
            else if (now().what == token::kind::symbol)
                for (const std::string_view each : {"==", "!=", "<=", ">=", "<", ">"})
                    if (is_symbol(each)) name = each;
            if (name.empty()) break;
            take();
            AWQ_TRY(expression right, binary(0));
            add(chain, std::move(right));
            chain.names.push_back(std::move(name));
        }
        if (chain.names.empty()) {
            expression alone = std::move(chain.parts.front());
            return alone;
        }
        return chain;
    }

    // From loose to tight: + -, ~, * / // %, **.
    result<expression> binary(std::size_t level)
    {
        constexpr std::string_view levels[][4] = {{"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}};
        if (level == std::size(levels)) return unary();
        AWQ_TRY(expression left, binary(level + 1));
        for (;;) {
            std::string found;
            for (const std::string_view each : levels[level])
                if (!each.empty() && is_symbol(each)) found = each;
            if (found.empty()) return left;
            take();
            AWQ_TRY(expression right, binary(level + 1));
            left = make(kind::binary, std::move(left), std::move(right), std::move(found));
            AWQ_CHECK(check_height(left));
        }
    }

    result<expression> unary()
    {
        if (++depth_ > 100) return bad("expressions are nested too deeply");
        const bool signed_value = is_symbol("-") || is_symbol("+");
        auto inner = signed_value ? negative() : primary();
        if (!inner) return inner;
        AWQ_TRY(expression whole, suffixes(*std::move(inner)));
        --depth_;
        return whole;
    }

    // The sign binds before filters, after attributes and items.
    result<expression> negative()
    {
        if (++depth_ > 100) return bad("expressions are nested too deeply");
        std::string sign = take().text;
        auto inner = is_symbol("-") || is_symbol("+") ? negative() : primary();
        if (!inner) return inner;
        AWQ_TRY(expression operand, members(*std::move(inner)));
        --depth_;
        return make(kind::unary, std::move(operand), std::move(sign));
    }

    result<expression> primary()
    {
        using enum token::kind;
        if (now().what == name) return named();
        if (now().what == string) {
            std::string text;
            while (now().what == string) text += take().text; // side by side they are one
            return constant(value::text(std::move(text)));
        }
        if (now().what == integer || now().what == real) return number();
        if (skip_symbol("(")) return parenthesized();
        if (skip_symbol("[")) return sequence();
        if (skip_symbol("{")) return mapping();
        return unexpected();
    }

    expression constant(value content) const
    {
        expression made = make(kind::literal);
        made.constant = std::move(content);
        return made;
    }

    result<expression> named()
    {
        const std::string text = take().text;
        if (text == "true" || text == "True") return constant({true});
        if (text == "false" || text == "False") return constant({false});
        if (text == "none" || text == "None") return constant({value::none{}});
        return make(kind::name, std::vector<expression>{}, text);
    }

    result<expression> number()
    {
        const token digits = take();
        const char* const end = digits.text.data() + digits.text.size();
        std::int64_t whole = 0;
        const bool is_whole = digits.what == token::kind::integer;
        const double real = is_whole ? 0.0 : parse_double(digits.text).value_or(HUGE_VAL);
        const bool fits =
            is_whole ? std::from_chars(digits.text.data(), end, whole).ec == std::errc{} : std::isfinite(real);
        if (!fits) return bad("the number ", printable(digits.text), " is too large");
        return is_whole ? constant({whole}) : constant({real});
    }

    result<expression> parenthesized()
    {
        if (skip_symbol(")")) return make(kind::list, std::vector<expression>{}, "()");
        AWQ_TRY(expression inner, condition());
        if (is_symbol(",")) {
            inner = make(kind::list, std::move(inner), "()");
            while (skip_symbol(",") && !is_symbol(")")) {
                AWQ_TRY(expression next, condition());
                add(inner, std::move(next));
            }
        }
        AWQ_CHECK(expect_symbol(")"));
        return inner;
    }

    result<expression> sequence()
    {
        expression made = make(kind::list);
        while (!is_symbol("]")) {
            AWQ_TRY(expression next, condition());
            add(made, std::move(next));
            if (!skip_symbol(",")) break;
        }
        AWQ_CHECK(expect_symbol("]"));
        return made;
    }

    result<expression> mapping()
    {
        expression made = make(kind::dict);
        while (!is_symbol("}")) {
            AWQ_TRY(expression key, condition());
            AWQ_CHECK(expect_symbol(":"));
            AWQ_TRY(expression content, condition());
            add(made, std::move(key));
            add(made, std::move(content));
            if (!skip_symbol(",")) break;
        }
        AWQ_CHECK(expect_symbol("}"));
        return made;
    }

    // .attribute, [item], [from:to:step], (arguments)
    result<expression> members(expression of)
    {
        for (;;) {
            AWQ_CHECK(check_height(of));
            if (skip_symbol(".")) {
                if (now().what != token::kind::name && now().what != token::kind::integer) return unexpected();
                of = make(kind::attribute, std::move(of), take().text);
            } else if (skip_symbol("[")) {
                AWQ_TRY(of, subscript(std::move(of)));
            } else if (is_symbol("(")) {
                of = make(kind::call, std::move(of));
                AWQ_CHECK(arguments(of));
            } else {
                return of;
            }
        }
    }

    result<expression> subscript(expression of)
    {
        std::vector<expression> bounds(3);
        std::size_t colons = 0;
        while (!is_symbol("]")) {
            if (skip_symbol(":")) {
                if (++colons > 2) return unexpected();
                continue;
            }
            if (bounds[colons].what != kind::missing) return unexpected();
            AWQ_TRY(bounds[colons], condition());
        }
        AWQ_CHECK(expect_symbol("]"));
        if (colons == 0 && bounds[0].what == kind::missing) return bad("an empty subscript");
        if (colons == 0) return make(kind::item, std::move(of), std::move(bounds[0]));
        expression made = make(kind::slice, std::move(of));
        for (expression& each : bounds) add(made, std::move(each));
        return made;
    }

    status arguments(expression& call)
    {
        AWQ_CHECK(expect_symbol("("));
        while (!is_symbol(")")) {
            if (is_symbol("*") || is_symbol("**"))
                return error{error_code::unsupported, "line ", now().line, ": argument lists by * are not supported"};
            if (now().what == token::kind::name && after().what == token::kind::symbol && after().text == "=") {
                call.names.push_back(take().text);
                take();
            } else if (!call.names.empty()) {
                return unexpected();
            }
            AWQ_TRY(expression argument, condition());
            add(call, std::move(argument));
            if (!skip_symbol(",")) break;
        }
        return expect_symbol(")");
    }

    // Members, then filters and tests.
    result<expression> suffixes(expression of)
    {
        for (;;) {
            AWQ_TRY(of, members(std::move(of)));
            if (skip_symbol("|")) {
                AWQ_TRY(of, filter(std::move(of)));
            } else if (skip_name("is")) {
                AWQ_TRY(of, test(std::move(of)));
            } else {
                return of;
            }
        }
    }

protected:
    result<expression> filter(expression of)
    {
        if (now().what != token::kind::name) return unexpected();
        expression made = make(kind::filter, std::move(of), take().text);
        if (is_symbol("(")) AWQ_CHECK(arguments(made));
        return made;
    }

private:
    result<expression> test(expression of)
    {
        const bool negated = skip_name("not");
        if (now().what != token::kind::name) return unexpected();
        expression made = make(kind::test, std::move(of), take().text);
        if (is_symbol("(")) {
            AWQ_CHECK(arguments(made));
        } else if (begins_argument()) {
            auto inner = primary();
            if (!inner) return inner;
            AWQ_TRY(expression argument, members(*std::move(inner)));
            add(made, std::move(argument));
        }
        return negated ? make(kind::negation, std::move(made)) : std::move(made);
    }

    bool begins_argument() const
    {
        using enum token::kind;
        if (now().what == string || now().what == integer || now().what == real) return true;
        if (is_symbol("[") || is_symbol("{")) return true;
        if (now().what != name) return false;
        for (const std::string_view word : {"else", "or", "and", "is", "if", "in", "not"})
            if (now().text == word) return false;
        return true;
    }

    std::size_t depth_ = 0;
};

} // namespace awq::jinja

#endif
