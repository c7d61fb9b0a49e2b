// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_YAML_NODE_HPP
#define AWQ_RECIPE_YAML_NODE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/nearest_name.hpp>
#include <awq/support/parse_double.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace awq {

/// A value of a YAML file, aliases replaced by what they stand for.
struct yaml_node {
    enum class kind : unsigned char { null, scalar, sequence, map };

    kind type = kind::null;
    std::size_t line = 0;         ///< in the file, from 1
    std::size_t height = 0;       ///< levels below this one
    std::string tag;              ///< "!AWQModifier"; empty, "?" and "!" mean nothing
    std::string text;             ///< of a scalar
    std::vector<yaml_node> items; ///< of a sequence or a map
    std::string key;              ///< of an entry of a map
    std::size_t key_line = 0;

    bool is_null() const noexcept { return type == kind::null; }
    bool is_scalar() const noexcept { return type == kind::scalar; }
    bool is_sequence() const noexcept { return type == kind::sequence; }
    bool is_map() const noexcept { return type == kind::map; }
};

// What reads a recipe throws its problems, as yaml-cpp does; `catch_yaml_problems` turns them into values.
namespace detail {

/// A problem in a recipe, on its way to `catch_yaml_problems`.
struct AWQ_ABI_TAG recipe_problem {
    error cause;
};

template <class... Parts>
[[noreturn]] void reject_line([[maybe_unused]] std::size_t line, [[maybe_unused]] const Parts&... parts)
{
#if AWQ_EXCEPTIONS
    throw recipe_problem{error{error_code::malformed_file, "line ", line, ": ", parts...}};
#else
    __builtin_unreachable(); // `catch_yaml_problems` calls nothing then
#endif
}

template <class... Parts>
[[noreturn]] void reject(const yaml_node& node, const Parts&... parts)
{
    reject_line(node.line, parts...);
}

/// A key that nobody knows in `place` ("a mapping"); `known` are those that it may have.
template <class Names>
[[noreturn]] void reject_key(const yaml_node& node, std::string_view place, const Names& known)
{
    reject_line(node.key_line, "unknown key '", printable(node.key, 60), "' in ", place, "; ",
                known_names(node.key, known));
}

inline const std::string& text(const yaml_node& node)
{
    if (!node.is_scalar()) reject(node, "'", node.key, "' must be a text");
    return node.text;
}

/// A whole number from `least` to `most`.
inline std::size_t count(const yaml_node& node, std::size_t least, std::size_t most)
{
    const std::string_view digits = node.text;
    std::size_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool whole = node.is_scalar() && !digits.empty() && read.ptr == digits.data() + digits.size();
    if (!whole && (!node.is_scalar() || digits.find_first_not_of("-+0123456789_") != digits.npos))
        reject(node, "'", node.key, "' must be a whole number");
    if (!whole || read.ec != std::errc{} || value < least || value > most)
        reject(node, "'", node.key, "' is ", printable(digits, 40), ": use ", least, " to ", most);
    return value;
}

/// A list of whole numbers.
inline std::vector<std::size_t> counts(const yaml_node& node, std::size_t least, std::size_t most)
{
    if (!node.is_sequence()) reject(node, "'", node.key, "' must be a list of whole numbers");
    std::vector<std::size_t> numbers;
    for (yaml_node each : node.items) {
        each.key = node.key;
        numbers.push_back(count(each, least, most));
    }
    return numbers;
}

/// A number from `least` to `most`.
inline double real(const yaml_node& node, double least, double most)
{
    const auto value = node.is_scalar() ? parse_double(node.text) : std::nullopt;
    if (!value) reject(node, "'", node.key, "' must be a number");
    if (!(*value >= least && *value <= most))
        reject(node, "'", node.key, "' is ", printable(node.text, 40), ": use ", least, " to ", most);
    return *value;
}

/// The truth values of YAML 1.1, which llm-compressor reads by.
inline bool truth(const yaml_node& node)
{
    std::string word = node.is_scalar() ? node.text : "";
    for (char& c : word)
        if ('A' <= c && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
    reject(node, "'", node.key, "' must be true or false");
}

/// A list of texts; one text alone is a list of one.
inline std::vector<std::string> texts(const yaml_node& node)
{
    if (node.is_scalar()) return {node.text};
    if (!node.is_sequence()) reject(node, "'", node.key, "' must be a list of names");
    std::vector<std::string> names;
    for (const yaml_node& each : node.items) {
        if (!each.is_scalar()) reject(each, "'", node.key, "' must be a list of names");
        names.push_back(each.text);
    }
    return names;
}

inline const std::vector<yaml_node>& entries(const yaml_node& node)
{
    if (!node.is_map()) reject(node, "'", printable(node.key, 60), "' must hold keys and values");
    return node.items;
}

} // namespace detail

} // namespace awq

#endif
