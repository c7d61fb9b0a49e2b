// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_SYNTAX_HPP
#define AWQ_TEXT_JINJA_SYNTAX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/text/jinja/value.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace awq::jinja {

/// An expression. What `parts`, `text` and `names` hold depends on the kind.
struct expression {
    enum class kind {
        missing,   // left out (in a slice)
        literal,   // constant
        name,      // text
        list,      // parts; text "()": a tuple
        dict,      // parts: key, value, key, value ...
        attribute, // parts[0].text
        item,      // parts[0][parts[1]]
        slice,     // parts[0][parts[1]:parts[2]:parts[3]]
        call,      // parts[0](parts[1], ...); the last ones are named by `names`
        filter,    // parts[0] | text(parts[1], ...)
        test,      // parts[0] is text(parts[1], ...)
        negation,  // not parts[0]
        unary,     // text parts[0]
        binary,    // parts[0] text parts[1]
        compare,   // parts[0] names[0] parts[1] names[1] parts[2] ...
        logic,     // parts[0] and|or parts[1]
        choice,    // parts[0] if parts[1] else parts[2]
    };
    kind what = kind::missing;
    std::size_t line = 0;
    std::size_t height = 1; // of the tree below
    std::string text;
    value constant;
    std::vector<expression> parts;
    std::vector<std::string> names;
};

/// A statement. A template is a list of them.
struct statement {
    enum class kind {
        text,    // text
        print,   // expressions[0]
        branch,  // expressions[i]: bodies[i]; a last body without expression is the else
        loop,    // for names in expressions[0] (if expressions[1]): bodies[0], else bodies[1]
        assign,  // names = expressions[0], or object.attribute if `text` names the attribute
        capture, // set names[0]: bodies[0]
        macro,   // text(names, the last with the defaults `expressions`): bodies[0]
        group,   // bodies[0]
        leave,   // break
        proceed, // continue
    };
    kind what = kind::text;
    std::size_t line = 0;
    std::string text;
    std::vector<std::string> names;
    std::vector<expression> expressions;
    std::vector<std::vector<statement>> bodies;
};

} // namespace awq::jinja

#endif
