// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_JINJA_INTERPRETER_HPP
#define AWQ_DATA_JINJA_INTERPRETER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/jinja/arguments.hpp>
#include <awq/data/jinja/environment.hpp>
#include <awq/data/jinja/filters.hpp>
#include <awq/data/jinja/methods.hpp>
#include <awq/data/jinja/operators.hpp>
#include <awq/data/jinja/sequences.hpp>
#include <awq/data/jinja/syntax.hpp>
#include <awq/data/jinja/tests.hpp>
#include <awq/data/jinja/value.hpp>
#include <awq/data/jinja/variables.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::jinja {

/// Runs a template once. Bounded: steps, nesting and the size of texts, so a hostile template ends
/// in an error.
class interpreter {
  public:
    explicit interpreter(value::dict globals) : variables_(std::move(globals)) {}

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
            AWQ_TRY(const flow ended, execute(each, out));
            if (ended != flow::normal) return ended;
            if (out.size() > text_limit)
                return error{error_code::unsupported, "line ", each.line,
                             ": the text becomes too long"};
        }
        return flow::normal;
    }

    result<flow> execute(const statement& now, std::string& out)
    {
        using enum statement::kind;
        AWQ_CHECK(count_step());
        switch (now.what) {
        case text:
            out += now.text;
            return flow::normal;
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
            set(variables_.innermost(), now.text, value{value::callable{now.text, &now}});
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

    status count_step(std::size_t cost = 1)
    {
        steps_ += cost;
        if (steps_ < 5'000'000) return {};
        return error{error_code::unsupported, "the template takes too many steps"};
    }

    // An expression of a statement; errors get its line.
    result<value> evaluate_at(const expression& from)
    {
        auto got = evaluate(from);
        if (!got) return got.error().within("line " + std::to_string(from.line));
        return got;
    }

    result<flow> print_to(const statement& now, std::string& out)
    {
        AWQ_TRY(const value printed, evaluate_at(now.expressions[0]));
        out += to_text(printed);
        return flow::normal;
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

    result<value::list> loop_items(const statement& now)
    {
        AWQ_TRY(const value over, evaluate_at(now.expressions[0]));
        auto items = detail::items_of(over);
        if (!items)
            return error{error_code::malformed_file, "line ", now.line,
                         ": cannot loop over this value"};
        if (now.expressions.size() < 2) return *std::move(items);
        value::list kept;
        for (value& each : *items) {
            const variables::scope inner{variables_};
            AWQ_CHECK(bind_names(variables_.innermost(), now.names, each));
            AWQ_TRY(const value passes, evaluate_at(now.expressions[1]));
            if (truthy(passes)) kept.push_back(std::move(each));
        }
        return kept;
    }

    result<flow> repeat(const statement& now, std::string& out)
    {
        AWQ_TRY(const value::list items, loop_items(now));
        if (items.empty() && now.bodies.size() > 1) return execute(now.bodies[1], out);
        for (std::size_t i = 0; i < items.size(); ++i) {
            AWQ_CHECK(count_step(10));
            const variables::scope inner{variables_};
            AWQ_CHECK(bind_names(variables_.innermost(), now.names, items[i]));
            set(variables_.innermost(), "loop", loop_variable(items, i));
            AWQ_TRY(const flow ended, execute(now.bodies[0], out));
            if (ended == flow::leave) break;
        }
        return flow::normal;
    }

    result<flow> assign_to(const statement& now)
    {
        AWQ_TRY(value content, evaluate_at(now.expressions[0]));
        if (now.text.empty()) {
            AWQ_CHECK(bind_names(variables_.innermost(), now.names, content));
            return flow::normal;
        }
        const value target = variables_.find(now.names[0]);
        value::dict* members = target.as_dict();
        if (!members)
            return error{
                error_code::malformed_file, "line ", now.line, ": \"", printable(now.names[0]),
                "\" is no namespace"};
        if (content.as_list() || content.as_dict()) {
            AWQ_CHECK(count_step(100));
            // A namespace that held itself would never end.
            std::size_t budget = 1'000'000;
            if (holds(content, members, budget))
                return error{error_code::unsupported, "line ", now.line,
                             ": a namespace cannot hold itself"};
        }
        set(*members, now.text, std::move(content));
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
        set(variables_.innermost(), now.names[0], std::move(content));
        return flow::normal;
    }

    // ---- expressions ----

    result<value> evaluate(const expression& from)
    {
        AWQ_CHECK(count_step());
        if (depth_ > 400)
            return error{error_code::unsupported, "the template is nested too deeply"};
        ++depth_;
        auto got = evaluate_kind(from);
        --depth_;
        if (got) AWQ_CHECK(count_step(cost_of(*got)));
        return got;
    }

    // Large values cost more than one step.
    static std::size_t cost_of(const value& made) noexcept
    {
        if (const auto* text = made.as_text()) return text->size() / 256;
        if (const auto* items = made.as_list()) return items->size() / 4;
        return 0;
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

    result<value> bounded(value made)
    {
        AWQ_CHECK(count_step(10)); // looks at every value below
        if (is_unbounded(made))
            return error{error_code::unsupported, "a list or mapping is too large"};
        return made;
    }

    result<value> make_list(const expression& from)
    {
        value::list items;
        for (const expression& each : from.parts) {
            AWQ_TRY(value made, evaluate(each));
            items.push_back(std::move(made));
        }
        return bounded(value::of(std::move(items)));
    }

    result<value> make_dict(const expression& from)
    {
        value::dict members;
        for (std::size_t i = 0; i + 1 < from.parts.size(); i += 2) {
            AWQ_TRY(const value key, evaluate(from.parts[i]));
            AWQ_TRY(value content, evaluate(from.parts[i + 1]));
            if (!key.as_text())
                return error{error_code::unsupported,
                             "a mapping whose keys are no texts is not supported"};
            set(members, *key.as_text(), std::move(content));
        }
        return bounded(value::of(std::move(members)));
    }

    result<value> member(const expression& from)
    {
        AWQ_TRY(const value of, evaluate(from.parts[0]));
        return member_of(of, from.text);
    }

    result<value> item(const expression& from)
    {
        AWQ_TRY(const value of, evaluate(from.parts[0]));
        AWQ_TRY(const value key, evaluate(from.parts[1]));
        return item_of(of, key);
    }

    result<value> slice(const expression& from)
    {
        AWQ_TRY(const value of, evaluate(from.parts[0]));
        if (of.is_undefined()) return no_value(of);
        const auto items = of.as_dict() ? std::nullopt : detail::items_of(of);
        if (!items) return detail::wrong_type("the slice of", "a value");
        std::int64_t bounds[3] = {};
        bool given[3] = {};
        for (std::size_t i = 0; i < 3; ++i) {
            if (from.parts[i + 1].what == kind::missing) continue;
            AWQ_TRY(const value bound, evaluate(from.parts[i + 1]));
            if (bound.is<value::none>()) continue;
            if (!bound.as_integer()) return detail::wrong_type("the slice of", "a value");
            bounds[i] = *bound.as_integer();
            given[i] = true;
        }
        if (given[2] && bounds[2] == 0) return detail::wrong_type("the slice of", "a value");
        value::list kept = sliced(*items, bounds, given);
        if (!of.as_text()) return value::of(std::move(kept));
        std::string text;
        for (const value& each : kept)
            text += *each.as_text();
        return value::text(std::move(text));
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
                set(with.named, from.names[i - named], std::move(argument));
        }
        return with;
    }

    result<value> call(const expression& from)
    {
        const expression& callee = from.parts[0];
        AWQ_TRY(const arguments with, evaluate_arguments(from));
        if (callee.what == kind::attribute) {
            AWQ_TRY(const value of, evaluate(callee.parts[0]));
            if (auto made = call_method(of, callee.text, with)) return *std::move(made);
            AWQ_TRY(const value function, member_of(of, callee.text));
            return call_value(function, callee.text, with);
        }
        AWQ_TRY(const value function, evaluate(callee));
        return call_value(function, callee.text, with);
    }

    result<value> call_value(const value& function, const std::string& name, const arguments& with)
    {
        const auto* target = std::get_if<value::callable>(&function.data);
        if (!target)
            return error{error_code::unsupported, "the function or method \"", printable(name),
                         "\" is not supported"};
        if (target->macro) return call_macro(*target->macro, with);
        if (target->name == "raise_exception")
            return error{error_code::malformed_file,
                         "the template refuses: ", with.text(0, "message", "")};
        if (target->name == "strftime_now") return time_text(with.text(0, "format", ""));
        if (target->name == "range") return range(with);
        value::dict members = with.named; // namespace and dict
        if (!with.positional.empty() && with.positional[0].as_dict()) {
            members = *with.positional[0].as_dict();
            for (const auto& each : with.named)
                set(members, each.first, each.second);
        }
        return value::of(std::move(members));
    }

    result<value> call_macro(const statement& macro, const arguments& with)
    {
        if (variables_.macro_depth() > 20)
            return error{error_code::unsupported, "macros call each other too deeply"};
        const variables::scope own{variables_, true};
        return run_macro(macro, with);
    }

    result<value> run_macro(const statement& macro, const arguments& with)
    {
        const std::size_t required = macro.names.size() - macro.expressions.size();
        for (std::size_t i = 0; i < macro.names.size(); ++i) {
            const value* given = with.find(i, macro.names[i]);
            value content = given ? *given : value{value::undefined{macro.names[i]}};
            if (!given && i >= required) {
                AWQ_TRY(content, evaluate(macro.expressions[i - required]));
            }
            set(variables_.innermost(), macro.names[i], std::move(content));
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
            if (from.text == each) return apply_to_each(input, from.text, with);
        AWQ_TRY(value made, apply_filter(input, from.text, with));
        return detail::limited(std::move(made));
    }

    result<value> test(const expression& from)
    {
        AWQ_TRY(const value input, evaluate(from.parts[0]));
        AWQ_TRY(const arguments with, evaluate_arguments(from));
        AWQ_TRY(const bool passes, apply_test(input, from.text, with));
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
        return from.parts.size() > 2 ? evaluate(from.parts[2]) : result<value>{value{}};
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
            if (left.as_list() || left.as_dict()) AWQ_CHECK(count_step(1000));
            AWQ_TRY(bool holds_true, is_in ? contains(right, left) : compare(left, by, right));
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
        return combine(left, from.text, right);
    }

    variables variables_;
    std::size_t steps_ = 0;
    std::size_t depth_ = 0;
    value captured_;
};

} // namespace awq::jinja

#endif
