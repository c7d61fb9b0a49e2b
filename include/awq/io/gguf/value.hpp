// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_VALUE_HPP
#define AWQ_IO_GGUF_VALUE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/layout.hpp>
#include <awq/support/result.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace awq::gguf {

/// The value type of a C++ type.
template <class T>
constexpr value_type value_type_of() noexcept
{
    if constexpr (std::same_as<T, bool>)
        return value_type::boolean;
    else if constexpr (std::same_as<T, float>)
        return value_type::f32;
    else if constexpr (std::same_as<T, double>)
        return value_type::f64;
    else if constexpr (std::is_signed_v<T>)
        return sizeof(T) == 1   ? value_type::i8
               : sizeof(T) == 2 ? value_type::i16
               : sizeof(T) == 4 ? value_type::i32
                                : value_type::i64;
    else
        return sizeof(T) == 1   ? value_type::u8
               : sizeof(T) == 2 ? value_type::u16
               : sizeof(T) == 4 ? value_type::u32
                                : value_type::u64;
}

/// One metadata value that lies in somebody else's memory, usually the mapped file. The reader has
/// checked its bounds; numbers and strings are decoded when asked for.
class value_view {
public:
    constexpr value_view() = default;
    /// `bytes`: for a number its bytes, for a string its characters, for an array its elements as
    /// they lie in the file (each string with its length before it). `count`: elements of an array.
    constexpr value_view(value_type type, value_type element_type, std::uint64_t count,
                         std::span<const std::byte> bytes) noexcept
        : type_(type), element_type_(element_type), count_(count), bytes_(bytes)
    {}

    constexpr value_type type() const noexcept { return type_; }
    constexpr bool is_array() const noexcept { return type_ == value_type::array; }
    /// For an array the type of its elements, else the type itself.
    constexpr value_type element_type() const noexcept { return element_type_; }
    /// Elements of an array, 1 for anything else.
    constexpr std::uint64_t size() const noexcept { return count_; }
    constexpr std::span<const std::byte> bytes() const noexcept { return bytes_; }

    /// Any integer or bool of the file, if T can hold it.
    template <std::integral T>
    requires(!std::same_as<T, bool>) result<T> as_integer()
    const
    {
        if (is_array()) return wrong("an integer");
        return number_at<T>(0);
    }

    /// Any number of the file.
    result<double> as_real() const
    {
        if (is_array()) return wrong("a number");
        return number_at<double>(0);
    }

    result<bool> as_bool() const
    {
        if (type_ != value_type::boolean) return wrong("a bool");
        return bytes_[0] != std::byte{0};
    }

    result<std::string_view> as_string() const
    {
        if (type_ != value_type::string) return wrong("a string");
        return text_of(bytes_);
    }

    /// The numbers of an array, converted to T; one that T cannot hold is an error.
    template <class T>
    result<std::vector<T>> as_numbers() const
    {
        if (!is_array()) return wrong("an array of numbers");
        std::vector<T> numbers(static_cast<std::size_t>(count_));
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            AWQ_TRY(numbers[i], number_at<T>(i));
        }
        return numbers;
    }

    /// The strings of an array; they point into the file and may hold any bytes.
    result<std::vector<std::string_view>> as_strings() const
    {
        if (!is_array() || element_type_ != value_type::string) return wrong("an array of strings");
        std::vector<std::string_view> strings;
        strings.reserve(static_cast<std::size_t>(count_));
        for (std::size_t at = 0; strings.size() < count_;) {
            const auto length = static_cast<std::size_t>(load<std::uint64_t>(at));
            strings.push_back(text_of(bytes_.subspan(at + sizeof(std::uint64_t), length)));
            at += sizeof(std::uint64_t) + length;
        }
        return strings;
    }

private:
    static std::string_view text_of(std::span<const std::byte> bytes) noexcept
    {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    error wrong(std::string_view wanted) const
    {
        return error{error_code::malformed_file,
                     "is ",
                     name_of(type_),
                     is_array() ? " of " : "",
                     is_array() ? name_of(element_type_) : std::string_view{},
                     ", not ",
                     wanted};
    }

    template <class T>
    T load(std::size_t offset) const noexcept
    {
        T number;
        std::memcpy(&number, bytes_.data() + offset, sizeof number);
        return number;
    }

    template <class T, class Stored>
    result<T> convert(std::size_t index) const
    {
        const Stored stored = load<Stored>(index * sizeof(Stored));
        if constexpr (std::floating_point<T>) {
            return static_cast<T>(stored);
        } else if constexpr (std::floating_point<Stored>) {
            return wrong("an integer");
        } else {
            if (!std::in_range<T>(stored)) return error{error_code::malformed_file, "is ", stored, ", out of range"};
            return static_cast<T>(stored);
        }
    }

    template <class T>
    result<T> number_at(std::size_t index) const
    {
        switch (element_type_) {
        case value_type::u8:
        case value_type::boolean:
            return convert<T, std::uint8_t>(index);
        case value_type::i8:
            return convert<T, std::int8_t>(index);
        case value_type::u16:
            return convert<T, std::uint16_t>(index);
        case value_type::i16:
            return convert<T, std::int16_t>(index);
        case value_type::u32:
            return convert<T, std::uint32_t>(index);
        case value_type::i32:
            return convert<T, std::int32_t>(index);
        case value_type::u64:
            return convert<T, std::uint64_t>(index);
        case value_type::i64:
            return convert<T, std::int64_t>(index);
        case value_type::f32:
            return convert<T, float>(index);
        case value_type::f64:
            return convert<T, double>(index);
        default:
            return wrong("a number");
        }
    }

    value_type type_ = value_type::u8;
    value_type element_type_ = value_type::u8;
    std::uint64_t count_ = 1;
    std::span<const std::byte> bytes_;
};

/// One metadata value that owns its bytes, already in the form of the file.
class value {
public:
    /// A number or a bool; its C++ type is the type in the file (llama.cpp insists on u32 for
    /// counts, lengths and ids, and on f32 for reals).
    template <class T>
    requires std::integral<T> || std::floating_point<T>
    explicit value(T number) : type_(value_type_of<T>()), element_type_(type_) { append(number); }

    explicit value(std::string_view text) : type_(value_type::string), element_type_(type_) { append_text(text); }
    explicit value(const char* text) : value(std::string_view{text}) {}
    explicit value(const std::string& text) : value(std::string_view{text}) {}

    template <class T>
    requires std::integral<T> || std::floating_point<T>
    explicit value(const std::vector<T>& numbers)
        : type_(value_type::array), element_type_(value_type_of<T>()), count_(numbers.size())
    {
        for (const T number : numbers) append(number);
    }

    explicit value(const std::vector<std::string>& strings) { assign(strings); }
    explicit value(const std::vector<std::string_view>& strings) { assign(strings); }

    /// A copy, as when the metadata of one file goes into another.
    explicit value(const value_view& other)
        : type_(other.type()), element_type_(other.element_type()), count_(other.size()),
          bytes_(other.bytes().begin(), other.bytes().end())
    {}

    value_type type() const noexcept { return type_; }
    value_view view() const noexcept { return {type_, element_type_, count_, bytes_}; }

private:
    template <class T>
    void append(T number)
    {
        const auto* bytes = reinterpret_cast<const std::byte*>(&number);
        bytes_.insert(bytes_.end(), bytes, bytes + sizeof number);
    }

    void append_text(std::string_view text)
    {
        const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
        bytes_.insert(bytes_.end(), bytes, bytes + text.size());
    }

    template <class Strings>
    void assign(const Strings& strings)
    {
        type_ = value_type::array;
        element_type_ = value_type::string;
        count_ = strings.size();
        for (const std::string_view text : strings) {
            append(static_cast<std::uint64_t>(text.size()));
            append_text(text);
        }
    }

    value_type type_ = value_type::u8;
    value_type element_type_ = value_type::u8;
    std::uint64_t count_ = 1;
    std::vector<std::byte> bytes_;
};

} // namespace awq::gguf

#endif
