// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JINJA_VALUE_HPP
#define AWQ_TEXT_JINJA_VALUE_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// A small part of the Jinja template language
/// (https://jinja.palletsprojects.com/en/stable/templates/): what chat templates of language models
/// use.
namespace awq::jinja {

struct statement;
struct sequence;
class mapping;

/// A value of a template. Texts, lists and mappings are shared, so a copy costs the same for all.
struct value {
    using list = std::vector<value>;
    using shared_text = std::shared_ptr<const std::string>;
    struct undefined {
        shared_text name; // what was looked for
    };
    struct none {};
    /// A macro, or a function of the environment by its name.
    struct callable {
        std::string_view name;
        const statement* macro = nullptr;
    };
    std::variant<undefined, none, bool, std::int64_t, double, shared_text, std::shared_ptr<const sequence>,
                 std::shared_ptr<mapping>, callable>
        data;

    static value text(std::string content) { return {std::make_shared<const std::string>(std::move(content))}; }
    static value missing(std::string_view name) { return {undefined{std::make_shared<const std::string>(name)}}; }
    static value integer(std::size_t number) { return {static_cast<std::int64_t>(number)}; }

    template <class T>
    bool is() const noexcept
    {
        return std::holds_alternative<T>(data);
    }
    const std::string* as_text() const noexcept
    {
        const auto* found = std::get_if<shared_text>(&data);
        return found ? found->get() : nullptr;
    }
    const std::int64_t* as_integer() const noexcept { return std::get_if<std::int64_t>(&data); }
    const list* as_list() const noexcept;
    const sequence* as_sequence() const noexcept
    {
        const auto* found = std::get_if<std::shared_ptr<const sequence>>(&data);
        return found ? found->get() : nullptr;
    }
    mapping* as_dict() const noexcept
    {
        const auto* found = std::get_if<std::shared_ptr<mapping>>(&data);
        return found ? found->get() : nullptr;
    }
    bool is_undefined() const noexcept { return is<undefined>(); }
    bool is_number() const noexcept { return is<std::int64_t>() || is<double>() || is<bool>(); }
    /// Python's int: a bool is one, too.
    bool is_whole() const noexcept { return is<std::int64_t>() || is<bool>(); }
    std::int64_t whole() const noexcept { return as_integer() ? *as_integer() : static_cast<std::int64_t>(number()); }
    double number() const noexcept
    {
        if (const auto* whole = as_integer()) return static_cast<double>(*whole);
        if (const auto* real = std::get_if<double>(&data)) return *real;
        const auto* flag = std::get_if<bool>(&data);
        return flag && *flag ? 1 : 0;
    }
};

/// A list or a tuple.
struct sequence {
    value::list items;
    bool is_tuple = false;
    std::size_t depth = 1; ///< of the lists and mappings in it
};

inline const value::list* value::as_list() const noexcept
{
    const sequence* const found = as_sequence();
    return found ? &found->items : nullptr;
}

} // namespace awq::jinja

#endif
