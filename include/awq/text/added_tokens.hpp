// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_ADDED_TOKENS_HPP
#define AWQ_TEXT_ADDED_TOKENS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/regex.hpp>
#include <awq/text/text_budget.hpp>
#include <awq/text/unicode.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// An entry of "added_tokens": a token that is found in the text itself, before the model sees it.
struct added_token {
    std::int32_t id = 0;
    std::string content;
    bool single_word = false; ///< not inside a word
    bool lstrip = false;      ///< swallows the white space before it
    bool rstrip = false;      ///< swallows the white space behind it
    bool normalized = false;  ///< is looked for in the normalized text
    bool special = false;     ///< left out when special tokens are skipped in decoding
};

namespace detail {

/// Finds the leftmost, and there the longest, of some literal texts.
class literal_finder {
public:
    struct found {
        std::size_t begin = std::string_view::npos; // npos: nothing found
        std::size_t size = 0;
        std::size_t index = 0;
    };

    literal_finder() = default;

    /// `literals` with their indices; empty ones are left out.
    explicit literal_finder(std::vector<std::pair<std::string, std::size_t>> literals) : literals_(std::move(literals))
    {
        std::erase_if(literals_, [](const auto& each) { return each.first.empty(); });
        std::stable_sort(literals_.begin(), literals_.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        for (std::size_t i = literals_.size(); i-- > 0;) {
            auto& range = first_byte_[static_cast<unsigned char>(literals_[i].first.front())];
            if (range.begin == range.end) range.end = i + 1;
            range.begin = i;
        }
    }

    bool empty() const noexcept { return literals_.empty(); }

    /// Charges the bytes that it compares.
    result<found> find(std::string_view text, std::size_t from, text_budget& work) const
    {
        for (std::size_t at = from; at < text.size(); ++at) {
            const text_range range = first_byte_[static_cast<unsigned char>(text[at])];
            if (range.empty()) continue;
            std::size_t depth = 1;
            const found best = longest(text.substr(at), range, depth);
            AWQ_CHECK(work.spend(depth));
            if (best.size > 0) return found{at, best.size, best.index};
        }
        return found{};
    }

private:
    // Narrows the sorted literals that begin with the text byte by byte.
    found longest(std::string_view text, text_range range, std::size_t& depth) const noexcept
    {
        found best;
        for (; !range.empty(); ++depth) {
            // A literal that ends here sorts before the longer ones; among equals the last counts.
            while (!range.empty() && literals_[range.begin].first.size() == depth) {
                best = {0, depth, literals_[range.begin].second};
                ++range.begin;
            }
            if (depth == text.size()) break;
            range = narrowed(range, depth, static_cast<unsigned char>(text[depth]));
        }
        return best;
    }

    text_range narrowed(text_range range, std::size_t depth, unsigned char byte) const noexcept
    {
        const auto at = [&](std::size_t i) { return literals_.begin() + static_cast<std::ptrdiff_t>(i); };
        const auto byte_of = [&](const auto& each) { return static_cast<unsigned char>(each.first[depth]); };
        const auto first = std::lower_bound(at(range.begin), at(range.end), byte,
                                            [&](const auto& each, unsigned char b) { return byte_of(each) < b; });
        const auto last = std::upper_bound(first, at(range.end), byte,
                                           [&](unsigned char b, const auto& each) { return b < byte_of(each); });
        return {static_cast<std::size_t>(first - literals_.begin()),
                static_cast<std::size_t>(last - literals_.begin())};
    }

    std::vector<std::pair<std::string, std::size_t>> literals_;
    std::array<text_range, 256> first_byte_{};
};

} // namespace detail

/// Finds added tokens in a text.
class added_token_splitter {
public:
    added_token_splitter() = default;

    /// `texts[i]` is what stands for `tokens[i]` in the texts to come; an empty one is never found.
    /// Errors: none but those of a missing pattern engine.
    static result<added_token_splitter> build(std::vector<added_token> tokens, std::vector<std::string> texts)
    {
        added_token_splitter built;
        AWQ_TRY(built.word_, regex::compile(R"(\A[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}])", "added_tokens"));
        std::vector<std::pair<std::string, std::size_t>> literals;
        for (std::size_t i = 0; i < texts.size(); ++i) literals.emplace_back(std::move(texts[i]), i);
        built.finder_ = detail::literal_finder{std::move(literals)};
        built.tokens_ = std::move(tokens);
        return built;
    }

    /// Calls `on_text(text, offset)` for each part without tokens and `on_token(token)` for each
    /// token, in order; both return a status. `text` must be valid UTF-8.
    template <class OnText, class OnToken>
    status split(std::string_view text, regex::scratch& memory, OnText&& on_text, OnToken&& on_token) const
    {
        std::size_t covered = 0;
        for (std::size_t from = 0; !finder_.empty() && from < text.size();) {
            AWQ_TRY(const auto match, finder_.find(text, from, memory.work));
            if (match.size == 0) break;
            from = match.begin + match.size;
            const added_token& token = tokens_[match.index];
            text_range range{match.begin, from};
            if (token.single_word) {
                AWQ_TRY(const bool alone, stands_alone(text, range, memory));
                if (!alone) continue;
            }
            if (token.lstrip && covered < range.begin)
                range.begin = covered + unicode::trailing_whitespace(text.substr(covered, range.begin - covered));
            if (token.rstrip) range.end += unicode::leading_whitespace(text.substr(range.end));
            AWQ_CHECK(memory.work.spend(range.end - range.begin));
            if (covered < range.begin) AWQ_CHECK(on_text(text.substr(covered, range.begin - covered), covered));
            AWQ_CHECK(on_token(token));
            covered = range.end;
        }
        if (covered < text.size()) AWQ_CHECK(on_text(text.substr(covered), covered));
        return {};
    }

private:
    result<bool> stands_alone(std::string_view text, text_range range, regex::scratch& memory) const
    {
        if (range.begin > 0) {
            const std::size_t last = unicode::last_character(text.substr(0, range.begin));
            AWQ_TRY(const auto before, word_.find(text.substr(last, range.begin - last), 0, memory));
            if (before) return false;
        }
        if (range.end == text.size()) return true;
        const std::size_t size = unicode::character_size(text, range.end);
        AWQ_TRY(const auto behind, word_.find(text.substr(range.end, size), 0, memory));
        return !behind;
    }

    std::vector<added_token> tokens_;
    detail::literal_finder finder_;
    regex word_; // one word character
};

} // namespace awq

#endif
