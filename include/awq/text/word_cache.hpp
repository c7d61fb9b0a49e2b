// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_WORD_CACHE_HPP
#define AWQ_TEXT_WORD_CACHE_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace awq {

/// Remembers the ids of short words, since most words of a text have been seen before. A newer word
/// takes the place of an older one with the same hash, so the memory is bounded.
class word_cache {
public:
    /// A cache for texts of about this many bytes.
    explicit word_cache(std::size_t text_bytes = std::size_t{1} << 20)
        : entries_(std::bit_ceil(std::clamp<std::size_t>(text_bytes / 8, 16, 1u << 15)))
    {}

    /// The ids of a word; empty if it is not there.
    std::span<const std::int32_t> find(std::string_view word) const noexcept
    {
        if (word.size() > max_bytes) return {};
        const entry& at = entries_[slot_of(word)];
        if (at.bytes != word.size() || std::memcmp(at.word, word.data(), word.size()) != 0) return {};
        return {at.ids, at.count};
    }

    /// Keeps a word, if it and its ids are few enough.
    void put(std::string_view word, std::span<const std::int32_t> ids) noexcept
    {
        if (word.empty() || word.size() > max_bytes || ids.size() > max_ids) return;
        entry& at = entries_[slot_of(word)];
        std::memcpy(at.word, word.data(), word.size());
        std::copy(ids.begin(), ids.end(), at.ids);
        at.bytes = static_cast<std::uint8_t>(word.size());
        at.count = static_cast<std::uint8_t>(ids.size());
    }

private:
    static constexpr std::size_t max_bytes = 30;
    static constexpr std::size_t max_ids = 8;
    struct alignas(64) entry {
        char word[max_bytes];
        std::uint8_t bytes = 0;
        std::uint8_t count = 0;
        std::int32_t ids[max_ids];
    };

    std::size_t slot_of(std::string_view word) const noexcept
    {
        std::uint64_t hash = word.size();
        while (word.size() >= 8) {
            std::uint64_t part;
            std::memcpy(&part, word.data(), 8);
            hash = mixed(hash ^ part);
            word.remove_prefix(8);
        }
        std::uint64_t part = 0;
        std::memcpy(&part, word.data(), word.size());
        return static_cast<std::size_t>(mixed(hash ^ part)) & (entries_.size() - 1);
    }

    static constexpr std::uint64_t mixed(std::uint64_t value) noexcept
    {
        value *= 0x9E3779B97F4A7C15u;
        return value ^ value >> 32;
    }

    std::vector<entry> entries_;
};

} // namespace awq

#endif
