// SPDX-License-Identifier: MIT
#ifndef AWQ_SUPPORT_ERROR_HPP
#define AWQ_SUPPORT_ERROR_HPP

#include <awq/config.hpp>
#include <awq/support/error_code.hpp>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <system_error>

namespace awq {
AWQ_ABI_BEGIN

/// An error as a value: its kind, and one line that says what, where and what to do.
/// Owns its text in place (no heap); a text longer than AWQ_ERROR_TEXT_SIZE is cut. Only as much of it as
/// there is text is ever written or copied: a success costs nothing.
class error {
public:
    /// Joins strings and numbers into the text: error{code, path, ": header of ", n, " bytes"}.
    template <class... Parts>
    explicit constexpr error(error_code code, const Parts&... parts) noexcept : code_(code)
    {
        (append(parts), ...);
    }

    constexpr error(const error& other) noexcept : code_(other.code_) { append(other.text()); }
    constexpr error& operator=(const error& other) noexcept
    {
        if (this == &other) return *this;
        code_ = other.code_;
        size_ = 0;
        append(other.text());
        return *this;
    }

    constexpr error_code code() const noexcept { return code_; }
    /// One line: what, where, what to do. Cut at `AWQ_ERROR_TEXT_SIZE` bytes; valid as long as this error.
    constexpr std::string_view text() const noexcept { return {text_, size_}; }

    /// The same error with `where` and ": " put before its text, as it passes up through a reader.
    constexpr error within(std::string_view where) const noexcept { return error{code_, where, ": ", text()}; }

    /// As `within`, for a value that came out of the file `where`: nobody chose it, so that an
    /// `invalid_argument` is a `malformed_file`.
    constexpr error from_file(std::string_view where) const noexcept
    {
        const bool chosen = code_ == error_code::invalid_argument;
        return error{chosen ? error_code::malformed_file : code_, where, ": ", text()};
    }

private:
    /// Names out of files may hold anything: control characters become '?', so that the text is one line.
    constexpr void append(std::string_view part) noexcept
    {
        const std::size_t room = std::min(part.size(), sizeof text_ - size_);
        std::transform(part.data(), part.data() + room, text_ + size_,
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c; });
        size_ += room;
    }

    constexpr void append(const char* part) noexcept { append(std::string_view{part}); }
    constexpr void append(char part) noexcept { append(std::string_view{&part, 1}); }

    template <class Number>
    requires(std::integral<Number> || std::floating_point<Number>) &&
        (!std::same_as<Number, bool>)void append(Number number) noexcept
    {
        const auto written = std::to_chars(text_ + size_, text_ + sizeof text_, number);
        if (written.ec == std::errc{}) size_ = static_cast<std::size_t>(written.ptr - text_);
    }

    error_code code_;
    std::size_t size_ = 0;
    char text_[AWQ_ERROR_TEXT_SIZE]; // the first size_ characters count
};

AWQ_ABI_END
} // namespace awq

#endif
