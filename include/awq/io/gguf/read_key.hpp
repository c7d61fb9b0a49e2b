// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_READ_KEY_HPP
#define AWQ_IO_GGUF_READ_KEY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/reader.hpp>
#include <awq/support/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::gguf {

namespace detail {

inline status read_value(const value_view& content, std::uint32_t& number)
{
    AWQ_TRY(number, content.as_integer<std::uint32_t>());
    return {};
}
inline status read_value(const value_view& content, float& number)
{
    AWQ_TRY(const double real, content.as_real());
    number = static_cast<float>(real);
    return {};
}
inline status read_value(const value_view& content, bool& flag)
{
    AWQ_TRY(flag, content.as_bool());
    return {};
}
inline status read_value(const value_view& content, std::string& text)
{
    AWQ_TRY(const auto view, content.as_string());
    text = view;
    return {};
}
inline status read_value(const value_view& content, std::vector<bool>& flags)
{
    AWQ_TRY(const auto numbers, content.as_numbers<std::uint32_t>());
    flags.assign(numbers.begin(), numbers.end());
    return {};
}
inline status read_value(const value_view& content, std::vector<std::uint32_t>& numbers)
{
    AWQ_TRY(numbers, content.as_numbers<std::uint32_t>());
    return {};
}
inline status read_value(const value_view& content, std::vector<float>& numbers)
{
    AWQ_TRY(numbers, content.as_numbers<float>());
    return {};
}
inline status read_value(const value_view& content, std::vector<std::int32_t>& numbers)
{
    AWQ_TRY(numbers, content.as_numbers<std::int32_t>());
    return {};
}

} // namespace detail

/// The value of an optional key; it is an error only if it is there and of another kind.
template <class T>
status read_optional(const file& from, std::string_view key, std::optional<T>& field)
{
    const value_view* content = from.find(key);
    if (content == nullptr) return {};
    T value{};
    if (const auto read = detail::read_value(*content, value); !read)
        return read.error().within(key).within(from.path());
    field = std::move(value);
    return {};
}

/// The strings of a key; an empty list where the file does not have it.
inline status read_strings(const file& from, std::string_view key, std::vector<std::string>& into)
{
    into.clear();
    const value_view* content = from.find(key);
    if (content == nullptr) return {};
    const auto strings = content->as_strings();
    if (!strings) return strings.error().within(key).within(from.path());
    into.assign(strings->begin(), strings->end());
    return {};
}

} // namespace awq::gguf

#endif
