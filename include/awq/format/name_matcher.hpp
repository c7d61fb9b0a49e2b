// SPDX-License-Identifier: MIT
#ifndef AWQ_FORMAT_NAME_MATCHER_HPP
#define AWQ_FORMAT_NAME_MATCHER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/mapping_pattern.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/regex.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// Module names as recipes give them: exact, or "re:" and an expression that matches from the
/// beginning of the name, or "Linear" for every linear layer.
class name_matcher {
public:
    /// Error: an expression that does not compile, named.
    static result<name_matcher> compile(const std::vector<std::string>& patterns, std::string_view where)
    {
        name_matcher matcher;
        for (const std::string& pattern : patterns) {
            const std::string_view expression = expression_of(pattern);
            if (expression.empty()) {
                matcher.names_.push_back(pattern);
                continue;
            }
            AWQ_TRY(regex compiled, regex::compile(expression, where));
            matcher.expressions_.push_back(std::move(compiled));
        }
        return matcher;
    }

    /// Whether the linear layer of that name is meant.
    bool matches(std::string_view name) const
    {
        const auto equals = [&](const std::string& known) { return known == name || known == "Linear"; };
        if (std::any_of(names_.begin(), names_.end(), equals)) return true;
        return std::any_of(expressions_.begin(), expressions_.end(),
                           [&](const regex& each) { return begins_with(each, name); });
    }

    /// The same where patterns are not trusted yet. Error: an expression that takes too long; `memory`
    /// has the time for all of them.
    result<bool> try_match(std::string_view name, regex::scratch& memory) const
    {
        for (const regex& each : expressions_) {
            AWQ_TRY(const bool found, try_begin(each, name, memory));
            if (found) return true;
        }
        return matches(name);
    }

    /// Whether an expression matches from the beginning of a name.
    static bool begins_with(const regex& expression, std::string_view name)
    {
        regex::scratch memory;
        const result<bool> found = try_begin(expression, name, memory);
        return found && *found;
    }
    static result<bool> try_begin(const regex& expression, std::string_view name, regex::scratch& memory)
    {
        const auto found = expression.find(name, 0, memory);
        if (found) return *found && (**found).begin == 0;
        return error{error_code::unsupported,
                     "pattern \"",
                     printable(expression.pattern()),
                     "\" takes too long to match layers like ",
                     name,
                     "; simplify it"};
    }

private:
    std::vector<std::string> names_;
    std::vector<regex> expressions_;
};

/// Matches the expressions of mapping patterns; each is compiled once.
class expression_matcher {
public:
    /// Checks that every expression compiles; `where` says who gave them.
    static result<expression_matcher> compile(const std::vector<mapping_pattern>& mappings, std::string_view where)
    {
        expression_matcher matcher;
        for (const mapping_pattern& mapping : mappings) {
            AWQ_CHECK(matcher.add(mapping.smooth_layer, where));
            for (const std::string& name : mapping.balance_layers) AWQ_CHECK(matcher.add(name, where));
            for (const std::string& name : mapping.optional_layers) AWQ_CHECK(matcher.add(name, where));
        }
        return matcher;
    }

    /// Error: an expression that takes too long on the names.
    status check(const std::vector<std::string>& names, std::string_view where) const
    {
        regex::scratch memory;
        for (const auto& [text, expression] : compiled_)
            for (const std::string& name : names)
                if (const auto found = name_matcher::try_begin(expression, name, memory); !found)
                    return found.error().within(where);
        return {};
    }

    bool operator()(std::string_view expression, std::string_view name) const
    {
        const auto found = compiled_.find(expression);
        return found != compiled_.end() && name_matcher::begins_with(found->second, name);
    }

private:
    status add(std::string_view pattern, std::string_view where)
    {
        const std::string_view expression = expression_of(pattern);
        if (expression.empty()) return {};
        AWQ_TRY(regex compiled, regex::compile(expression, where));
        compiled_.emplace(std::string{expression}, std::move(compiled));
        return {};
    }

    std::map<std::string, regex, std::less<>> compiled_;
};

} // namespace awq

#endif
