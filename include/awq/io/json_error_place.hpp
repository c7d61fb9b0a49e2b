// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_JSON_ERROR_PLACE_HPP
#define AWQ_IO_JSON_ERROR_PLACE_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace awq::json {

/// A place in a text, both numbers from 1; columns are bytes.
struct text_place {
    std::size_t line = 1;
    std::size_t column = 1;
};

/// Line and column, from 1, of a byte of a text.
inline text_place place_of(std::string_view text, std::size_t offset) noexcept
{
    const std::string_view before = text.substr(0, offset);
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n') + 1; // npos + 1 is 0
    return {static_cast<std::size_t>(lines) + 1, before.size() - start + 1};
}

namespace detail {

/// Walks over a text that may be JSON, as far as it is. It knows the structure only: the parser proper
/// says what is wrong.
class error_scanner {
public:
    explicit error_scanner(std::string_view text) : text_(text) {}

    /// The offset of the first byte that cannot follow what is before it, the text's size where more
    /// had to come; nothing where the structure is sound.
    std::optional<std::size_t> find()
    {
        do {
            if (!next_value()) return at_;
            if (is_open_) continue;
            if (!after_value()) return at_;
        } while (!open_.empty());
        if (at_ < text_.size()) return at_;
        return std::nullopt;
    }

private:
    char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char wanted) noexcept
    {
        if (peek() != wanted || at_ >= text_.size()) return false;
        ++at_;
        return true;
    }
    void skip_spaces() noexcept { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

    /// A whole scalar or empty container, or the beginning of a container up to its first value.
    bool next_value()
    {
        skip_spaces();
        is_open_ = false;
        if (take('[')) return begin('[', ']');
        if (take('{')) return begin('{', '}') && (!is_open_ || key());
        if (peek() == '"') return string();
        for (const std::string_view word : {"true", "false", "null"})
            if (text_.substr(at_).starts_with(word)) return at_ += word.size(), true;
        return number();
    }
    bool begin(char first, char last)
    {
        skip_spaces();
        is_open_ = !take(last);
        if (is_open_) open_ += first;
        return true;
    }

    bool key()
    {
        if (peek() != '"' || !string()) return false;
        skip_spaces();
        return take(':');
    }

    /// Closes what ends here; true where another value or the end of the text has to follow.
    bool after_value()
    {
        while (!open_.empty()) {
            skip_spaces();
            const bool is_object = open_.back() == '{';
            if (take(is_object ? '}' : ']')) {
                open_.pop_back();
                continue;
            }
            if (!take(',')) return false;
            skip_spaces();
            return !is_object || key();
        }
        skip_spaces();
        return true;
    }

    bool string()
    {
        const std::size_t start = at_;
        for (++at_; at_ < text_.size(); ++at_) {
            const auto byte = static_cast<unsigned char>(text_[at_]);
            if (byte == '"') return ++at_, true;
            if (byte < 0x20) return false;
            if (byte == '\\' && ++at_ < text_.size() && !is_escape(text_[at_])) return false;
        }
        at_ = start; // where the string that does not end begins
        return false;
    }
    static bool is_escape(char each) noexcept
    {
        return std::string_view{"\"\\/bfnrtu"}.find(each) != std::string_view::npos;
    }

    bool digits() noexcept
    {
        const std::size_t start = at_;
        while (peek() >= '0' && peek() <= '9') ++at_;
        return at_ > start;
    }
    bool number() noexcept
    {
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (!take('e') && !take('E')) return true;
        if (!take('+')) take('-');
        return digits();
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string open_;     ///< the containers around the place, '[' and '{'
    bool is_open_ = false; ///< a container has just begun
};

} // namespace detail

/// Where a text stops being JSON: its end where something is missing there. Nothing for a text whose
/// structure is sound: what is wrong then is inside of a string or a number, or the depth.
inline std::optional<text_place> find_error_place(std::string_view text)
{
    const auto offset = detail::error_scanner{text}.find();
    if (!offset) return std::nullopt;
    return place_of(text, std::min(*offset, text.size()));
}

} // namespace awq::json

#endif
