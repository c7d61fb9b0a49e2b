// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_EVALUATOR_HPP
#define AWQ_TEXT_JINJA_EVALUATOR_HPP

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
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace awq::jinja {

/// Finds the values of a template's expressions. Bounded by a `budget` and in nesting, so a hostile template ends in
/// an error.
class AWQ_ABI_TAG evaluator {
public:
    evaluator(mapping globals, budget& work) : variables_(std::move(globals)), work_(work) {}
    evaluator(const evaluator&) = delete;
    evaluator& operator=(const evaluator&) = delete;

protected:
    using kind = expression::kind;

    ~evaluator() = default;

    virtual result<value> call_macro(const statement& macro, const arguments& with) = 0;

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

    result<value> evaluate(const expression& from)
    {
        AWQ_CHECK(work_.spend(budget::step));
        const nesting inner{depth_};
        AWQ_CHECK(check_depth());
        return evaluate_kind(from);
    }

    variables variables_;
    budget& work_;
    std::size_t depth_ = 0;
    value captured_; ///< what the innermost filter of a block takes

private:
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
};

} // namespace awq::jinja

#endif
