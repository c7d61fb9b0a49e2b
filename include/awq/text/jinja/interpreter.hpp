// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_INTERPRETER_HPP
#define AWQ_TEXT_JINJA_INTERPRETER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/evaluator.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/syntax.hpp>
#include <awq/text/jinja/value.hpp>
#include <awq/text/jinja/variables.hpp>
#include <awq/text/jinja/writer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// Runs a template once.
class AWQ_ABI_TAG interpreter final : private evaluator {
public:
    using evaluator::evaluator;

    /// The text that a template prints. Errors name the line.
    result<std::string> run(const std::vector<statement>& program)
    {
        std::string out;
        AWQ_TRY(const flow ended, execute(program, out));
        static_cast<void>(ended);
        return out;
    }

private:
    enum class flow { normal, leave, proceed };

    result<flow> execute(const std::vector<statement>& body, std::string& out)
    {
        for (const statement& each : body) {
            const nesting inner{depth_};
            AWQ_CHECK(check_depth());
            const auto ended = execute(each, out);
            if (!ended) return at_line(each.line, ended.error());
            if (*ended != flow::normal) return *ended;
        }
        return flow::normal;
    }

    // With the line where it happened: of a macro's statement, not of those that called it.
    static error at_line(std::size_t line, const error& cause)
    {
        if (cause.text().starts_with("line ")) return cause;
        return error{cause.code(), "line ", line, ": ", cause.text()};
    }

    result<flow> execute(const statement& now, std::string& out)
    {
        using enum statement::kind;
        AWQ_CHECK(work_.spend(budget::step));
        switch (now.what) {
        case text:
            return append(now.text, out);
        case print:
            return print_to(now, out);
        case branch:
            return choose(now, out);
        case loop:
            return repeat(now, out);
        case assign:
            return assign_to(now);
        case capture:
            return capture_to(now);
        case macro:
            variables_.innermost().set(now.text, value{value::callable{now.text, &now}});
            return flow::normal;
        case group:
            return execute(now.bodies[0], out);
        case leave:
            return flow::leave;
        case proceed:
            return flow::proceed;
        }
        return flow::normal;
    }

    result<flow> append(const std::string& text, std::string& out)
    {
        if (out.size() + text.size() > budget::text_limit) AWQ_CHECK(work_.room_for_text(out.size() + text.size()));
        AWQ_CHECK(work_.spend(text.size()));
        out += text;
        return flow::normal;
    }

    // An expression of a statement; errors get its line.
    result<value> evaluate_at(const expression& from)
    {
        auto got = evaluate(from);
        if (!got) return at_line(from.line, got.error());
        return got;
    }

    result<flow> print_to(const statement& now, std::string& out)
    {
        AWQ_TRY(const value printed, evaluate_at(now.expressions[0]));
        AWQ_TRY(const value shown, to_text(printed, work_));
        return append(*shown.as_text(), out);
    }

    result<flow> choose(const statement& now, std::string& out)
    {
        for (std::size_t i = 0; i < now.bodies.size(); ++i) {
            if (i < now.expressions.size()) {
                AWQ_TRY(const value met, evaluate_at(now.expressions[i]));
                if (!truthy(met)) continue;
            }
            return execute(now.bodies[i], out);
        }
        return flow::normal;
    }

    // What a loop goes over: a list is shared, not copied.
    result<value> loop_items(const statement& now)
    {
        AWQ_TRY(const value over, evaluate_at(now.expressions[0]));
        if (now.expressions.size() < 2 && over.as_list()) return over;
        AWQ_TRY(auto items, items_of(over, work_));
        if (!items) return error{error_code::malformed_file, "cannot loop over this value"};
        if (now.expressions.size() < 2) return work_.list(*std::move(items));
        value::list kept;
        for (value& each : *items) {
            const variables::scope inner{variables_};
            AWQ_CHECK(bind_names(variables_.innermost(), now.names, each, work_));
            AWQ_TRY(const value passes, evaluate_at(now.expressions[1]));
            if (truthy(passes)) kept.push_back(std::move(each));
        }
        return work_.list(std::move(kept));
    }

    result<flow> repeat(const statement& now, std::string& out)
    {
        AWQ_TRY(const value over, loop_items(now));
        const value::list& items = *over.as_list();
        if (items.empty() && now.bodies.size() > 1) return execute(now.bodies[1], out);
        for (std::size_t i = 0; i < items.size(); ++i) {
            const variables::scope inner{variables_};
            AWQ_CHECK(bind_names(variables_.innermost(), now.names, items[i], work_));
            AWQ_TRY(value about, loop_variable(items, i, work_));
            variables_.innermost().set("loop", std::move(about));
            AWQ_TRY(const flow ended, execute(now.bodies[0], out));
            if (ended == flow::leave) break;
        }
        return flow::normal;
    }

    result<flow> assign_to(const statement& now)
    {
        AWQ_TRY(value content, evaluate_at(now.expressions[0]));
        if (now.text.empty()) {
            AWQ_CHECK(bind_names(variables_.innermost(), now.names, content, work_));
            return flow::normal;
        }
        const value target = variables_.find(now.names[0]);
        mapping* const members = target.as_dict();
        if (!members || !members->is_namespace)
            return error{error_code::malformed_file, "\"", printable(now.names[0]), "\" is no namespace"};
        AWQ_CHECK(work_.set(*members, value::text(now.text), std::move(content)));
        return flow::normal;
    }

    result<flow> capture_to(const statement& now)
    {
        std::string printed;
        {
            const variables::scope inner{variables_};
            AWQ_TRY(const flow ended, execute(now.bodies[0], printed));
            if (ended != flow::normal) return ended;
        }
        captured_ = value::text(std::move(printed));
        value content = captured_;
        if (!now.expressions.empty()) {
            AWQ_TRY(content, evaluate_at(now.expressions[0]));
        }
        variables_.innermost().set(now.names[0], std::move(content));
        return flow::normal;
    }

    result<value> call_macro(const statement& macro, const arguments& with) override
    {
        if (variables_.macro_depth() > 20) return error{error_code::unsupported, "macros call each other too deeply"};
        const variables::scope own{variables_, true};
        return run_macro(macro, with);
    }

    result<value> run_macro(const statement& macro, const arguments& with)
    {
        const std::size_t required = macro.names.size() - macro.expressions.size();
        for (std::size_t i = 0; i < macro.names.size(); ++i) {
            const value* given = with.find(i, macro.names[i]);
            value content = given ? *given : value::missing(macro.names[i]);
            if (!given && i >= required) {
                AWQ_TRY(content, evaluate(macro.expressions[i - required]));
            }
            variables_.innermost().set(macro.names[i], std::move(content));
        }
        std::string out;
        AWQ_TRY(const flow ended, execute(macro.bodies[0], out));
        static_cast<void>(ended);
        return value::text(std::move(out));
    }
};

} // namespace awq::jinja

#endif
