// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_JSON_FIELDS_HPP
#define AWQ_TEXT_JSON_FIELDS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// How the parts of tokenizer.json are read.
namespace awq::detail {

/// A boolean that may be absent or null.
inline result<bool> bool_field(const json::value& from, std::string_view key, bool fallback)
{
    const auto found = from.find_non_null(key);
    if (!found) return fallback;
    return found->as_bool();
}

/// A string that must be there.
inline result<std::string> string_field(const json::value& from, std::string_view key)
{
    AWQ_TRY(const json::value found, from.at(key));
    AWQ_TRY(const std::string_view text, found.as_string());
    return std::string{text};
}

/// A string that may be absent or null.
inline result<std::string> string_field(const json::value& from, std::string_view key, std::string_view fallback)
{
    if (!from.find_non_null(key)) return std::string{fallback};
    return string_field(from, key);
}

/// A text that is put into other texts again and again, and so must be short.
inline result<std::string> short_string_field(const json::value& from, std::string_view key)
{
    AWQ_TRY(std::string text, string_field(from, key));
    if (text.size() <= 1024) return text;
    return from.error(error_code::malformed_file, "the field \"", key, "\" is ", text.size(),
                      " bytes long; at most 1024 are allowed");
}

/// The "type" of a component.
inline result<std::string> type_of(const json::value& component) { return string_field(component, "type"); }

/// A component that this library does not do.
inline error unsupported_type(const json::value& component, std::string_view what, std::string_view type)
{
    return component.error(error_code::unsupported, "the ", what, " \"", printable(type), "\" is not supported");
}

/// {"Regex": "..."} or {"String": "..."}.
struct pattern_field {
    std::string text;
    bool is_regex = false;
};

inline result<pattern_field> read_pattern(const json::value& component)
{
    AWQ_TRY(const json::value pattern, component.at("pattern"));
    if (pattern.is_string()) return pattern_field{std::string{*pattern.as_string()}, false};
    const bool is_regex = pattern.find("Regex").has_value();
    AWQ_TRY(std::string text, string_field(pattern, is_regex ? "Regex" : "String"));
    return pattern_field{std::move(text), is_regex};
}

/// The components that a file may put one behind the other, and in one another.
struct component_limit {
    std::size_t count = 64, depth = 8;
};

/// Calls `add(component)` for a component, or for each one of a Sequence's list, at a few levels. A
/// null is none. Errors: `malformed_file` for more of them than any text should go through.
template <class Add>
status for_each_component(const json::value& component, std::string_view list_key, Add&& add,
                          component_limit&& left = {})
{
    if (component.is_null()) return {};
    AWQ_TRY(const std::string type, type_of(component));
    if (left.count == 0)
        return component.error(error_code::malformed_file, "more than ", component_limit{}.count, " steps");
    --left.count;
    if (type != "Sequence") return add(component, type);
    if (left.depth == 0)
        return component.error(error_code::malformed_file, "sequences in more than ", component_limit{}.depth,
                               " sequences");
    AWQ_TRY(const json::value list, component.at(list_key));
    AWQ_TRY(const auto parts, list.as_array());
    --left.depth;
    for (const json::value& part : parts) AWQ_CHECK(for_each_component(part, list_key, add, std::move(left)));
    ++left.depth;
    return {};
}

} // namespace awq::detail

#endif
