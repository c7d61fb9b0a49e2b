// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_DIGEST_HPP
#define AWQ_IO_DIGEST_HPP

#include <awq/support/requires_hosted.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace awq {

namespace detail {

/// One to one for either argument, so that no single change goes unseen.
constexpr std::uint64_t mix(std::uint64_t sum, std::uint64_t word) noexcept
{
    sum = (sum ^ word) * 0xd6e8feb86659fd93u;
    return sum ^ (sum >> 32);
}

} // namespace detail

/// 64 bits that tell damaged bytes from whole ones: fast, in eight lanes, and no protection against
/// somebody who wants them equal.
inline std::uint64_t digest_of(std::span<const std::byte> bytes) noexcept
{
    constexpr std::size_t lanes = 8, word = sizeof(std::uint64_t);
    std::array<std::uint64_t, lanes> sums{1, 2, 3, 4, 5, 6, 7, 8};
    std::array<std::uint64_t, lanes> words{};
    std::uint64_t all = bytes.size();
    while (bytes.size() >= lanes * word) {
        std::memcpy(words.data(), bytes.data(), lanes * word);
        for (std::size_t i = 0; i < lanes; ++i) sums[i] = detail::mix(sums[i], words[i]);
        bytes = bytes.subspan(lanes * word);
    }
    words.fill(0);
    if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
    for (std::size_t i = 0; i < lanes; ++i) all = detail::mix(all, detail::mix(sums[i], words[i]));
    return all;
}

/// Of a text; as 16 digits where a person may see it.
inline std::uint64_t digest_of(std::string_view text) noexcept
{
    return digest_of(std::as_bytes(std::span{text.data(), text.size()}));
}
inline std::string digits_of(std::uint64_t digest)
{
    std::string digits;
    for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[(digest >> shift) & 15];
    return digits;
}

} // namespace awq

#endif
