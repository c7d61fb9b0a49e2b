// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_STATE_BYTES_HPP
#define AWQ_IO_STATE_BYTES_HPP

#include <awq/support/requires_hosted.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace awq {

// Values as bytes, for the same program on the same machine to read again: numbers as they lie in memory, texts
// and lists behind their lengths. A struct takes part when `visit_members(value, visit)` calls visit with its members.

/// A struct to write, or the same to read into: `void visit_members(same_state<point> auto& p, auto&& visit)`.
template <class T, class Struct>
concept same_state = std::same_as<std::remove_const_t<T>, Struct>;

/// Numbers, whose bytes are the value.
template <class T>
concept plain_state = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Collects values as bytes.
class state_writer {
public:
    template <class... Values>
    void operator()(const Values&... values)
    {
        (put(values), ...);
    }
    const std::string& bytes() const noexcept { return bytes_; }

private:
    template <plain_state T>
    void put(const T& value)
    {
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void put(const std::string& text)
    {
        put(std::uint64_t{text.size()});
        bytes_ += text;
    }
    template <class T>
    void put(const std::vector<T>& list)
    {
        put(std::uint64_t{list.size()});
        for (const T& each : list) put(each);
    }
    template <class T>
    void put(const std::optional<T>& value)
    {
        put(value.has_value());
        if (value) put(*value);
    }
    template <class A, class B>
    void put(const std::pair<A, B>& both)
    {
        (*this)(both.first, both.second);
    }
    template <class T>
    void put(const T& value)
    {
        visit_members(value, *this);
    }

    std::string bytes_;
};

/// Takes the values out of bytes that may be damaged: what is not there becomes zero or empty, and `is_whole`
/// says so. A length is believed only as far as there are bytes for it.
class state_reader {
public:
    explicit state_reader(std::string_view bytes) noexcept : rest_(bytes) {}

    template <class... Values>
    void operator()(Values&... values)
    {
        (take(values), ...);
    }
    /// Whether all was there so far.
    bool is_whole() const noexcept { return is_whole_; }
    /// Whether all was there, and nothing else.
    bool is_at_end() const noexcept { return is_whole_ && rest_.empty(); }

private:
    bool has(std::uint64_t size) noexcept
    {
        is_whole_ = is_whole_ && size <= rest_.size();
        return is_whole_;
    }
    template <plain_state T>
    void take(T& value)
    {
        value = T{};
        if (!has(sizeof value)) return;
        if constexpr (std::is_same_v<T, bool>)
            value = rest_.front() != 0; // other bytes are no bool
        else
            std::memcpy(&value, rest_.data(), sizeof value);
        rest_.remove_prefix(sizeof value);
    }
    void take(std::string& text)
    {
        text.clear();
        const std::uint64_t size = length();
        if (!has(size)) return;
        text = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(text.size());
    }
    template <class T>
    void take(std::vector<T>& list)
    {
        list.clear();
        const std::uint64_t size = length();
        if (!has(size)) return; // each takes a byte at least
        for (std::uint64_t i = 0; i < size && is_whole_; ++i) take(list.emplace_back());
    }
    template <class T>
    void take(std::optional<T>& value)
    {
        bool is_there = false;
        take(is_there);
        value.reset();
        if (is_there) take(value.emplace());
    }
    template <class A, class B>
    void take(std::pair<A, B>& both)
    {
        (*this)(both.first, both.second);
    }
    template <class T>
    void take(T& value)
    {
        visit_members(value, *this);
    }
    std::uint64_t length()
    {
        std::uint64_t size = 0;
        take(size);
        return size;
    }

    std::string_view rest_;
    bool is_whole_ = true;
};

} // namespace awq

#endif
