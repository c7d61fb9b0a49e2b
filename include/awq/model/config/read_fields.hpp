// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_CONFIG_READ_FIELDS_HPP
#define AWQ_MODEL_CONFIG_READ_FIELDS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/model/model_config.hpp>
#include <awq/support/result.hpp>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

namespace detail {

/// A number without a fraction, which some writers give one: 128, 128.0.
inline result<std::uint64_t> read_whole(const json::value& field)
{
    if (!field.is_number() || field.is_integer()) return field.as_unsigned();
    AWQ_TRY(const double number, field.as_number());
    constexpr double exact = 9007199254740992.0; // 2^53
    if (number >= 0.0 && number <= exact && std::floor(number) == number) return static_cast<std::uint64_t>(number);
    return field.error(error_code::malformed_file, "expected a whole number, found ", number);
}

/// Reads a field where it is present and not null; the target keeps its default otherwise.
inline status read_field(const json::value& object, std::string_view key, std::size_t& into)
{
    if (const auto field = object.find_non_null(key)) {
        AWQ_TRY(const std::uint64_t value, read_whole(*field));
        into = static_cast<std::size_t>(value);
    }
    return {};
}

inline status read_field(const json::value& object, std::string_view key, double& into)
{
    if (const auto field = object.find_non_null(key)) {
        AWQ_TRY(into, field->as_number());
    }
    return {};
}

inline status read_field(const json::value& object, std::string_view key, bool& into)
{
    if (const auto field = object.find_non_null(key)) {
        AWQ_TRY(into, field->as_bool());
    }
    return {};
}

inline status read_field(const json::value& object, std::string_view key, std::string& into)
{
    if (const auto field = object.find_non_null(key)) {
        AWQ_TRY(const std::string_view text, field->as_string());
        into = std::string{text};
    }
    return {};
}

inline status read_field(const json::value& object, std::string_view key, std::vector<std::size_t>& into)
{
    const auto field = object.find_non_null(key);
    if (!field) return {};
    AWQ_TRY(const auto entries, field->as_array());
    for (const json::value& entry : entries) {
        AWQ_TRY(const std::uint64_t value, read_whole(entry));
        into.push_back(static_cast<std::size_t>(value));
    }
    return {};
}

inline status read_field(const json::value& object, std::string_view key, std::vector<float>& into)
{
    const auto field = object.find_non_null(key);
    if (!field) return {};
    AWQ_TRY(const auto entries, field->as_array());
    for (const json::value& entry : entries) {
        AWQ_TRY(const double value, entry.as_number());
        into.push_back(static_cast<float>(value));
    }
    return {};
}

template <class T>
status read_field(const json::value& object, std::string_view key, std::optional<T>& into)
{
    if (!object.find_non_null(key)) return {};
    T value{};
    AWQ_CHECK(read_field(object, key, value));
    into = value;
    return {};
}

/// A field that must be there; null leaves the default of the model type.
inline status require_field(const json::value& object, std::string_view key, std::size_t& into)
{
    AWQ_CHECK(object.at(key));
    return read_field(object, key, into);
}

} // namespace detail

} // namespace awq

#endif
