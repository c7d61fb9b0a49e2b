// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_CURSOR_HPP
#define AWQ_IO_GGUF_CURSOR_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/gguf/layout.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace awq::gguf {

/// Takes numbers and strings off the front of bytes that nobody has checked yet. Every step that
/// would pass the end is an error.
class cursor {
public:
    explicit cursor(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

    std::size_t offset() const noexcept { return offset_; }
    std::uint64_t remaining() const noexcept { return bytes_.size() - offset_; }

    result<std::span<const std::byte>> take_bytes(std::uint64_t count)
    {
        if (count > remaining())
            return error{error_code::malformed_file, "ends at byte ",   bytes_.size(), ", ",
                         count - remaining(),        " bytes too early"};
        const auto taken = bytes_.subspan(offset_, static_cast<std::size_t>(count));
        offset_ += taken.size();
        return taken;
    }

    template <class T>
    result<T> take()
    {
        AWQ_TRY(const auto bytes, take_bytes(sizeof(T)));
        T number;
        std::memcpy(&number, bytes.data(), sizeof number);
        return number;
    }

    /// A string of at most `limit` bytes, with its 64-bit length before it.
    result<std::string_view> take_string(std::uint64_t limit)
    {
        AWQ_TRY(const auto length, take<std::uint64_t>());
        if (length > limit)
            return error{error_code::malformed_file,
                         "has a string of ",
                         length,
                         " bytes at byte ",
                         offset_,
                         "; the limit is ",
                         limit};
        AWQ_TRY(const auto bytes, take_bytes(length));
        return std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    /// A number of things, at most `limit`.
    result<std::uint64_t> take_count(std::uint64_t limit, std::string_view what)
    {
        AWQ_TRY(const auto count, take<std::uint64_t>());
        if (count > limit)
            return error{error_code::malformed_file, "announces ", count, " ", what, "; the limit is ", limit};
        return count;
    }

    /// Refuses a count of things that take at least `smallest` bytes each and cannot all be there,
    /// before anything is allocated for them.
    status expect_room(std::uint64_t count, std::uint64_t smallest, std::string_view what) const
    {
        if (smallest == 0 || count <= remaining() / smallest) return {};
        return error{
            error_code::malformed_file, "announces ", count, " ", what, " but ends ", remaining(), " bytes later"};
    }

private:
    std::span<const std::byte> bytes_;
    std::size_t offset_ = 0;
};

} // namespace awq::gguf

#endif
