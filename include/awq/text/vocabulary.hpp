// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_VOCABULARY_HPP
#define AWQ_TEXT_VOCABULARY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace awq {

/// Tokens and their ids, both ways. Ids may have gaps.
class vocabulary {
public:
    /// Ids reach up to this number, exclusively: a guard against hostile files.
    static constexpr std::int64_t max_size = std::int64_t{1} << 22;

    /// Adds a token. Errors: an id out of range or taken by another token, a token that has another
    /// id.
    status add(std::string_view token, std::int64_t id)
    {
        if (id < 0 || id >= max_size)
            return error{error_code::malformed_file,
                         "token \"",
                         printable(token),
                         "\": the id ",
                         id,
                         " is not in [0, ",
                         max_size,
                         ")"};
        if (bytes_.size() + token.size() > UINT32_MAX - 1)
            return error{error_code::malformed_file, "the tokens are longer than 4 GiB together"};
        if (const auto known = find(token)) {
            if (*known == id) return {};
            return error{
                error_code::malformed_file, "token \"", printable(token), "\" has two ids, ", *known, " and ", id};
        }
        const auto index = static_cast<std::size_t>(id);
        if (index < tokens_.size() && tokens_[index].size != absent)
            return error{error_code::malformed_file,
                         "the id ",
                         id,
                         " belongs to two tokens, \"",
                         printable(*token_of(id)),
                         "\" and \"",
                         printable(token),
                         "\""};
        insert(token, index);
        return {};
    }

    /// The id of a token, or nothing.
    std::optional<std::int32_t> find(std::string_view token) const noexcept
    {
        if (slots_.empty()) return std::nullopt;
        const std::int32_t id = slots_[slot_of(token)];
        return id < 0 ? std::nullopt : std::optional{id};
    }

    /// The token with this id, or nothing. Lives as long as the vocabulary and until the next
    /// `add`.
    std::optional<std::string_view> token_of(std::int64_t id) const noexcept
    {
        if (id < 0 || id >= size() || tokens_[static_cast<std::size_t>(id)].size == absent) return std::nullopt;
        return text_of(tokens_[static_cast<std::size_t>(id)]);
    }

    /// One more than the largest id.
    std::int64_t size() const noexcept { return static_cast<std::int64_t>(tokens_.size()); }

private:
    static constexpr std::uint32_t absent = UINT32_MAX;
    struct entry {
        std::uint32_t begin = 0;
        std::uint32_t size = absent;
    };

    std::string_view text_of(entry each) const noexcept
    {
        return std::string_view{bytes_}.substr(each.begin, each.size);
    }

    // The slot of a token, or the free one where it belongs. The table is never full.
    std::size_t slot_of(std::string_view token) const noexcept
    {
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = std::hash<std::string_view>{}(token)&mask;
        while (slots_[at] >= 0 && text_of(tokens_[static_cast<std::size_t>(slots_[at])]) != token) at = (at + 1) & mask;
        return at;
    }

    void insert(std::string_view token, std::size_t id)
    {
        if (id >= tokens_.size()) tokens_.resize(id + 1);
        tokens_[id] = {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(token.size())};
        bytes_ += token;
        if (++count_ * 2 > slots_.size()) return rebuild();
        slots_[slot_of(token)] = static_cast<std::int32_t>(id);
    }

    void rebuild()
    {
        slots_.assign(slots_.empty() ? 1024 : slots_.size() * 2, -1);
        for (std::size_t id = 0; id < tokens_.size(); ++id)
            if (tokens_[id].size != absent) slots_[slot_of(text_of(tokens_[id]))] = static_cast<std::int32_t>(id);
    }

    std::string bytes_;
    std::vector<entry> tokens_;       // by id
    std::vector<std::int32_t> slots_; // ids, by hash of the token; -1: free
    std::size_t count_ = 0;
};

} // namespace awq

#endif
