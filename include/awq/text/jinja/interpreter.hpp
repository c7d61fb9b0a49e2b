// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_INTERPRETER_HPP
#define AWQ_TEXT_JINJA_INTERPRETER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/jinja/arguments.hpp>
#include <awq/text/jinja/budget.hpp>
#include <awq/text/jinja/comparison.hpp>
#include <awq/text/jinja/environment.hpp>
#include <awq/text/jinja/filters.hpp>
#include <awq/text/jinja/methods.hpp>
#include <awq/text/jinja/operators.hpp>
#include <awq/text/jinja/sequences.hpp>
#include <awq/text/jinja/syntax.hpp>
#include <awq/text/jinja/tests.hpp>
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

/// Runs a template once. Bounded by a `budget` and in nesting, so a hostile template ends in an
/// error.
class interpreter {
public:
    interpreter(mapping globals, budget& work) : variables_(std::move(globals)), work_(work) {}

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
    using kind = expression::kind;

    // ---- statements ----

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

    // One level of statements or expressions, as long as it lives.
    struct nesting {
        explicit nesting(std::size_t& depth) : depth_(depth) { ++depth_; }
        nesting(const nesting&) = delete;
        ~nesting() { --depth_; }
        std::size_t& depth_;
    };

    status check_depth() const
    {
        if (depth_ <= 400) return {};
        return error{error_code::unsupported, "the template is nested too deeply"};
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
        captured_ = value::text(std::move(printed)); // what the innermost filter of the block takes
        value content = captured_;
        if (!now.expressions.empty()) {
            AWQ_TRY(content, evaluate_at(now.expressions[0]));
        }
        variables_.innermost().set(now.names[0], std::move(content));
        return flow::normal;
    }

    // ---- expressions ----

    result<value> evaluate(const expression& from)
    {
        AWQ_CHECK(work_.spend(budget::step));
        const nesting inner{depth_};
        AWQ_CHECK(check_depth());
        return evaluate_kind(from);
    }

    result<value> evaluate_kind(const expression& from)
    {
        switch (from.what) {
        case kind::missing:
            return captured_;
        case kind::literal:
            return from.constant;
        case kind::name:
            return variables_.find(from.text);
        case kind::list:
            return make_list(from);
        case kind::dict:
            return make_dict(from);
        case kind::attribute:
            return member(from);
        case kind::item:
            return item(from);
        case kind::slice:
            return slice(from);
        case kind::call:
            return call(from);
        case kind::filter:
            return filter(from);
        case kind::test:
            return test(from);
        case kind::negation:
            return negation(from);
        case kind::unary:
            return unary(from);
        case kind::binary:
            return binary(from);
        case kind::compare:
            return comparison(from);
        case kind::logic:
            return logic(from);
        case kind::choice:
            return choice(from);
        }
        return value{};
    }

    result<value> make_list(const expression& from)
    {
        AWQ_CHECK(work_.room_for_list(from.parts.size()));
        value::list items;
        items.reserve(from.parts.size());
        for (const expression& each : from.parts) {
            AWQ_TRY(value made, evaluate(each));
            items.push_back(std::move(made));
        }
        return work_.list(std::move(items), from.text == "()");
    }

    result<value> make_dict(const expression& from)
    {
        auto members = std::make_shared<mapping>();
        for (std::size_t i = 0; i + 1 < from.parts.size(); i += 2) {
            AWQ_TRY(const value key, evaluate(from.parts[i]));
            AWQ_TRY(value content, evaluate(from.parts[i + 1]));
            AWQ_CHECK(work_.set(*members, key, std::move(content)));
        }
        return value{std::move(members)};
    }

    result<value> member(const expression& from)
    {
        AWQ_TRY(const value of, evaluate(from.parts[0]));
        return member_of(of, from.text, work_);
    }

    result<value> item(const expression& from)
    {
        AWQ_TRY(const value of, evaluate(from.parts[0]));
        AWQ_TRY(const value key, evaluate(from.parts[1]));
        return item_of(of, key, work_);
    }

    result<value> slice(const expression& from)
    {
        AWQ_TRY(const value of, evaluate(from.parts[0]));
        std::int64_t bounds[3] = {};
        bool given[3] = {};
        for (std::size_t i = 0; i < 3; ++i) {
            if (from.parts[i + 1].what == kind::missing) continue;
            AWQ_TRY(const value bound, evaluate(from.parts[i + 1]));
            if (bound.is<value::none>()) continue;
            if (!bound.is_whole()) return detail::wrong_type("the slice of", "a value");
            bounds[i] = bound.whole();
            given[i] = true;
        }
        if (given[2] && bounds[2] == 0) return detail::wrong_type("the slice of", "a value");
        return slice_of(of, bounds, given, work_);
    }

    result<arguments> evaluate_arguments(const expression& from)
    {
        arguments with;
        const std::size_t named = from.parts.size() - from.names.size();
        for (std::size_t i = 1; i < from.parts.size(); ++i) {
            AWQ_TRY(value argument, evaluate(from.parts[i]));
            if (i < named)
                with.positional.push_back(std::move(argument));
            else
                with.named.set(from.names[i - named], std::move(argument));
        }
        return with;
    }

    result<value> call(const expression& from)
    {
        const expression& callee = from.parts[0];
        AWQ_TRY(const arguments with, evaluate_arguments(from));
        if (callee.what == kind::attribute) {
            AWQ_TRY(const value of, evaluate(callee.parts[0]));
            AWQ_TRY(const auto made, call_method(of, callee.text, with, work_));
            if (made) return *made;
            AWQ_TRY(const value function, member_of(of, callee.text, work_));
            return call_value(function, callee.text, with);
        }
        AWQ_TRY(const value function, evaluate(callee));
        return call_value(function, callee.text, with);
    }

    result<value> call_value(const value& function, const std::string& name, const arguments& with)
    {
        const auto* target = std::get_if<value::callable>(&function.data);
        if (!target)
            return error{error_code::unsupported, "the function or method \"", printable(name), "\" is not supported"};
        if (target->macro) return call_macro(*target->macro, with);
        if (target->name == "raise_exception")
            return error{error_code::malformed_file,
                         "the template refuses: ", printable(with.text(0, "message", ""), 300)};
        if (target->name == "strftime_now") return time_text(with.text(0, "format", ""));
        if (target->name == "range") return range(with, work_);
        return make_mapping(with, target->name == "namespace");
    }

    // namespace(...) and dict(...): of a mapping, or of pairs, and of arguments with names.
    result<value> make_mapping(const arguments& with, bool is_namespace)
    {
        auto members = std::make_shared<mapping>();
        const value* const from = with.find(0, "");
        if (from && from->as_dict())
            for (const mapping::member& each : *from->as_dict()) AWQ_CHECK(work_.set(*members, each.key, each.content));
        else if (from)
            AWQ_CHECK(add_pairs(*from, *members));
        for (const mapping::member& each : with.named) AWQ_CHECK(work_.set(*members, each.key, each.content));
        members->is_namespace = is_namespace;
        return value{std::move(members)};
    }

    status add_pairs(const value& pairs, mapping& to)
    {
        if (!pairs.as_list()) return detail::wrong_type("the function", "dict");
        for (const value& each : *pairs.as_list()) {
            const value::list* const pair = each.as_list();
            if (!pair || pair->size() != 2) return detail::wrong_type("the function", "dict");
            AWQ_CHECK(work_.set(to, (*pair)[0], (*pair)[1]));
        }
        return {};
    }

    result<value> call_macro(const statement& macro, const arguments& with)
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

    result<value> filter(const expression& from)
    {
        AWQ_TRY(const value input, evaluate(from.parts[0]));
        AWQ_TRY(const arguments with, evaluate_arguments(from));
        for (const std::string_view each : {"select", "reject", "selectattr", "rejectattr", "map"})
            if (from.text == each) return apply_to_each(input, from.text, with, work_);
        return apply_filter(input, from.text, with, work_);
    }

    result<value> test(const expression& from)
    {
        AWQ_TRY(const value input, evaluate(from.parts[0]));
        AWQ_TRY(const arguments with, evaluate_arguments(from));
        AWQ_TRY(const bool passes, apply_test(input, from.text, with, work_));
        return value{passes};
    }

    result<value> negation(const expression& from)
    {
        AWQ_TRY(const value of, evaluate(from.parts[0]));
        return value{!truthy(of)};
    }

    result<value> unary(const expression& from)
    {
        AWQ_TRY(const value of, evaluate(from.parts[0]));
        return sign(from.text, of);
    }

    result<value> choice(const expression& from)
    {
        AWQ_TRY(const value met, evaluate(from.parts[1]));
        if (truthy(met)) return evaluate(from.parts[0]);
        return from.parts.size() > 2 ? evaluate(from.parts[2]) : result<value>{value::missing("the other branch")};
    }

    result<value> logic(const expression& from)
    {
        AWQ_TRY(value left, evaluate(from.parts[0]));
        if (truthy(left) == (from.text == "or")) return left;
        return evaluate(from.parts[1]);
    }

    result<value> comparison(const expression& from)
    {
        AWQ_TRY(value left, evaluate(from.parts[0]));
        for (std::size_t i = 0; i < from.names.size(); ++i) {
            AWQ_TRY(value right, evaluate(from.parts[i + 1]));
            const std::string& by = from.names[i];
            const bool is_in = by == "in" || by == "not in";
            AWQ_TRY(bool holds_true, is_in ? contains(right, left, work_) : compare(left, by, right, work_));
            if (by == "not in") holds_true = !holds_true;
            if (!holds_true) return value{false};
            left = std::move(right);
        }
        return value{true};
    }

    result<value> binary(const expression& from)
    {
        AWQ_TRY(const value left, evaluate(from.parts[0]));
        AWQ_TRY(const value right, evaluate(from.parts[1]));
        return combine(left, from.text, right, work_);
    }

    variables variables_;
    budget& work_;
    std::size_t depth_ = 0;
    value captured_;
};

} // namespace awq::jinja

#endif
