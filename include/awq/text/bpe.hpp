// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_BPE_HPP
#define AWQ_TEXT_BPE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/unicode.hpp>
#include <awq/text/vocabulary.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// One merge: two tokens side by side become a third. Its rank is its position in the list.
struct bpe_merge {
    std::int32_t left = 0;
    std::int32_t right = 0;
    std::int32_t merged = 0;
};

/// How a BPE model treats what the merges do not cover; the fields are those of tokenizer.json.
struct bpe_options {
    bool byte_fallback = false;          ///< an unknown character becomes the tokens <0xHH> of its bytes
    bool fuse_unk = false;               ///< unknown characters side by side become one unknown token
    bool ignore_merges = false;          ///< a word that is a token as it stands is that token
    std::optional<std::int32_t> unknown; ///< without it, unknown characters are dropped
    std::string continuing_subword_prefix;
    std::string end_of_word_suffix;
};

namespace detail {

/// (left, right) -> (rank, merged token), by open addressing.
class merge_table {
public:
    struct found {
        std::uint32_t rank = UINT32_MAX; // UINT32_MAX: no merge
        std::int32_t merged = -1;
    };

    explicit merge_table(std::size_t count)
    {
        std::size_t size = 16;
        while (size < count * 2) size *= 2;
        slots_.resize(size);
    }

    void set(std::int32_t left, std::int32_t right, found what) noexcept
    {
        slot& at = slots_[slot_of(key_of(left, right))];
        at = {key_of(left, right), what};
    }

    found find(std::int32_t left, std::int32_t right) const noexcept
    {
        return slots_[slot_of(key_of(left, right))].what;
    }

private:
    struct slot {
        std::uint64_t key = UINT64_MAX; // no pair of ids, which are not negative
        found what;
    };

    static std::uint64_t key_of(std::int32_t left, std::int32_t right) noexcept
    {
        return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
    }

    std::size_t slot_of(std::uint64_t key) const noexcept
    {
        const std::size_t mask = slots_.size() - 1;
        std::uint64_t hash = key * 0x9E3779B97F4A7C15u;
        std::size_t at = static_cast<std::size_t>(hash ^ hash >> 32) & mask;
        while (slots_[at].key != key && slots_[at].key != UINT64_MAX) at = (at + 1) & mask;
        return at;
    }

    std::vector<slot> slots_;
};

} // namespace detail

/// Byte-pair encoding: splits a word into characters and merges neighbours, lowest rank first and
/// leftmost among equals (Sennrich et al., "Neural Machine Translation of Rare Words with Subword
/// Units", 2016).
class bpe_model {
public:
    /// A model without tokens: every character is dropped.
    bpe_model() : bpe_model({}, {}, {}) {}

    /// Every id of `merges` and `options` must be in the vocabulary; a pair that occurs twice has
    /// its last rank.
    bpe_model(vocabulary tokens, std::vector<bpe_merge> merges, bpe_options options)
        : vocabulary_(std::move(tokens)), merges_(std::move(merges)), options_(std::move(options)),
          table_(merges_.size())
    {
        for (std::size_t i = 0; i < merges_.size(); ++i)
            table_.set(merges_[i].left, merges_[i].right, {static_cast<std::uint32_t>(i), merges_[i].merged});
        find_characters();
        find_bytes();
    }

    const vocabulary& tokens() const noexcept { return vocabulary_; }
    const std::vector<bpe_merge>& merges() const noexcept { return merges_; }
    const bpe_options& options() const noexcept { return options_; }

    /// Appends the ids of one word (valid UTF-8). O(n log n) in its length.
    void encode(std::string_view word, std::vector<std::int32_t>& ids) const
    {
        if (word.empty()) return;
        if (options_.ignore_merges)
            if (const auto whole = vocabulary_.find(word)) return ids.push_back(*whole);
        const std::size_t first = ids.size();
        append_symbols(word, ids);
        const std::size_t count = ids.size() - first;
        if (count < 2) return;
        const std::size_t kept =
            count <= short_word ? merge_short(ids.data() + first, count) : merge_long(ids.data() + first, count);
        ids.resize(first + kept);
    }

private:
    static constexpr std::size_t short_word = 24;           // symbols; above it the heap is faster
    static constexpr std::size_t direct_characters = 0x180; // covers the byte-level alphabet

    void find_characters()
    {
        for (char32_t each = 0; each < direct_characters; ++each) {
            std::string text;
            unicode::append(text, each);
            character_[each] = vocabulary_.find(text).value_or(-1);
        }
    }

    void find_bytes()
    {
        constexpr std::string_view digits = "0123456789ABCDEF";
        for (std::size_t each = 0; each < 256; ++each) {
            const char token[] = {'<', '0', 'x', digits[each >> 4], digits[each & 15], '>'};
            byte_[each] = vocabulary_.find({token, sizeof token}).value_or(-1);
        }
    }

    std::int32_t find_symbol(std::string_view character, bool first, bool last) const
    {
        const bool bare =
            (first || options_.continuing_subword_prefix.empty()) && (!last || options_.end_of_word_suffix.empty());
        if (bare) {
            const char32_t code_point = unicode::decode(character).code_point;
            if (code_point < direct_characters) return character_[code_point];
            return vocabulary_.find(character).value_or(-1);
        }
        return vocabulary_.find(decorated(character, first, last)).value_or(-1);
    }

    std::string decorated(std::string_view character, bool first, bool last) const
    {
        std::string symbol = first ? std::string{} : options_.continuing_subword_prefix;
        symbol += character;
        if (last) symbol += options_.end_of_word_suffix;
        return symbol;
    }

    // The word's characters as ids. An unknown one waits (`unknown`) until it is known whether it
    // fuses.
    void append_symbols(std::string_view word, std::vector<std::int32_t>& ids) const
    {
        bool unknown = false;
        const auto flush = [&] {
            if (unknown) ids.push_back(*options_.unknown);
            unknown = false;
        };
        for (std::size_t at = 0; at < word.size();) {
            const std::size_t size = unicode::character_size(word, at);
            const std::string_view character = word.substr(at, size);
            const bool first = at == 0;
            at += size;
            const bool last = at == word.size();
            if (const std::int32_t id = find_symbol(character, first, last); id >= 0) {
                flush();
                ids.push_back(id);
            } else if (append_bytes(character, first, last, ids) || !options_.unknown) {
                continue;
            } else {
                if (!options_.fuse_unk) flush();
                unknown = true;
            }
        }
        flush();
    }

    bool append_bytes(std::string_view character, bool first, bool last, std::vector<std::int32_t>& ids) const
    {
        if (!options_.byte_fallback) return false;
        const std::string symbol = decorated(character, first, last);
        for (const char each : symbol)
            if (byte_[static_cast<unsigned char>(each)] < 0) return false;
        for (const char each : symbol) ids.push_back(byte_[static_cast<unsigned char>(each)]);
        return true;
    }

    // Merges ids[0, count) in place by looking for the best pair again and again; returns the new
    // count.
    std::size_t merge_short(std::int32_t* ids, std::size_t count) const noexcept
    {
        std::array<detail::merge_table::found, short_word> pairs;
        for (std::size_t i = 0; i + 1 < count; ++i) pairs[i] = table_.find(ids[i], ids[i + 1]);
        while (count > 1) {
            std::size_t best = 0;
            for (std::size_t i = 1; i + 1 < count; ++i)
                if (pairs[i].rank < pairs[best].rank) best = i;
            if (pairs[best].rank == UINT32_MAX) break;
            ids[best] = pairs[best].merged;
            --count;
            for (std::size_t i = best + 1; i < count; ++i) {
                ids[i] = ids[i + 1];
                pairs[i - 1] = pairs[i];
            }
            if (best > 0) pairs[best - 1] = table_.find(ids[best - 1], ids[best]);
            if (best + 1 < count) pairs[best] = table_.find(ids[best], ids[best + 1]);
        }
        return count;
    }

    struct linked_symbol {
        std::int32_t id;
        std::uint32_t previous, next; // `none` at the ends
        bool merged_away;
    };
    static constexpr std::uint32_t none = UINT32_MAX;

    struct candidate {
        std::uint32_t rank, at;
        std::int32_t merged;
        bool operator<(const candidate& other) const noexcept // a heap's top is its largest
        {
            return rank != other.rank ? rank > other.rank : at > other.at;
        }
    };

    // The same with a linked list and a heap of pairs, for words of any length.
    std::size_t merge_long(std::int32_t* ids, std::size_t count) const
    {
        std::vector<linked_symbol> symbols(count);
        for (std::size_t i = 0; i < count; ++i)
            symbols[i] = {ids[i], i == 0 ? none : static_cast<std::uint32_t>(i - 1),
                          i + 1 == count ? none : static_cast<std::uint32_t>(i + 1), false};
        std::priority_queue<candidate> queue;
        const auto push = [&](std::uint32_t left) {
            const auto pair = table_.find(symbols[left].id, symbols[symbols[left].next].id);
            if (pair.rank != UINT32_MAX) queue.push({pair.rank, left, pair.merged});
        };
        for (std::uint32_t i = 0; i + 1 < count; ++i) push(i);
        while (!queue.empty()) {
            const candidate top = queue.top();
            queue.pop();
            linked_symbol& left = symbols[top.at];
            if (left.merged_away || left.next == none) continue;
            linked_symbol& right = symbols[left.next];
            if (table_.find(left.id, right.id).merged != top.merged) continue; // out of date
            left.id = top.merged;
            right.merged_away = true;
            left.next = right.next;
            if (left.next != none) symbols[left.next].previous = top.at;
            if (left.previous != none) push(left.previous);
            if (left.next != none) push(top.at);
        }
        std::size_t kept = 0;
        for (const linked_symbol& each : symbols)
            if (!each.merged_away) ids[kept++] = each.id;
        return kept;
    }

    vocabulary vocabulary_;
    std::vector<bpe_merge> merges_;
    bpe_options options_;
    detail::merge_table table_;
    std::array<std::int32_t, direct_characters> character_{};
    std::array<std::int32_t, 256> byte_{};
};

} // namespace awq

#endif
