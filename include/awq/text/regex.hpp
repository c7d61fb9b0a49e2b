// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_REGEX_HPP
#define AWQ_TEXT_REGEX_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>
#include <awq/text/text_budget.hpp>

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// Patterns of tokenizer files. They are written for Oniguruma and run on PCRE2 (in UTF and UCP
/// mode), so the classes that the two see differently (`\s`, `\w`, `\h`) are rewritten by their Unicode
/// properties first.
namespace awq {

/// A part of a text: [begin, end) in bytes.
struct text_range {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool empty() const noexcept { return begin == end; }
};

namespace detail {

struct pcre2_free {
    void operator()(pcre2_code* each) const noexcept { pcre2_code_free(each); }
    void operator()(pcre2_compile_context* each) const noexcept { pcre2_compile_context_free(each); }
    void operator()(pcre2_match_data* each) const noexcept { pcre2_match_data_free(each); }
    void operator()(pcre2_match_context* each) const noexcept { pcre2_match_context_free(each); }
    void operator()(pcre2_jit_stack* each) const noexcept { pcre2_jit_stack_free(each); }
};
template <class T>
using pcre2_handle = std::unique_ptr<T, pcre2_free>;

inline std::string pcre2_message(int code)
{
    char text[160] = {};
    pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
    return text;
}

// Oniguruma's \w as members of a class; it counts the superscripts and fractions of Latin-1.
inline constexpr std::string_view word_members =
    "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";

/// Rewrites a pattern in Oniguruma's syntax into one that PCRE2 reads alike.
class pattern_rewriter {
public:
    explicit pattern_rewriter(std::string_view pattern) : pattern_(pattern) {}

    result<std::string> rewritten()
    {
        while (at_ < pattern_.size()) AWQ_CHECK(step());
        return std::move(out_);
    }

private:
    std::string_view rest() const { return pattern_.substr(at_); }
    void copy(std::size_t count)
    {
        out_ += pattern_.substr(at_, count);
        at_ += count;
    }

    status step()
    {
        if (pattern_[at_] == '\\') return escape();
        if (in_class_) return class_member();
        if (pattern_[at_] == '[') return open_class();
        if (rest().starts_with("(?")) return group();
        if (rest().starts_with("{,")) { // Oniguruma: from zero
            out_ += "{0";
            ++at_;
        }
        copy(1);
        return {};
    }

    // (?m) means "the dot matches a newline" here and something else in PCRE2.
    status group()
    {
        const std::size_t end = pattern_.find_first_not_of("imsxADPSWnUJ-^", at_ + 2);
        const std::string_view options = rest().substr(2, end - at_ - 2);
        if (options.find_first_not_of("ix-") != std::string_view::npos)
            return error{error_code::unsupported, "only the options i and x are supported"};
        copy(2);
        return {};
    }

    status open_class()
    {
        in_class_ = true;
        copy(1);
        if (rest().starts_with('^')) copy(1);
        if (rest().starts_with(']')) copy(1); // in first place an ordinary character
        return {};
    }

    status class_member()
    {
        if (rest().starts_with("&&"))
            return error{error_code::unsupported, "class intersections (&&) are not supported"};
        if (rest().starts_with("[:")) {
            const std::size_t close = rest().find(":]");
            if (close == std::string_view::npos) return error{error_code::malformed_file, "[: without :]"};
            copy(close + 2);
            return {};
        }
        if (rest().starts_with('[')) return error{error_code::unsupported, "nested classes are not supported"};
        if (rest().starts_with(']')) in_class_ = false;
        copy(1);
        return {};
    }

    status escape()
    {
        if (rest().size() == 1) return error{error_code::malformed_file, "it ends in a backslash"};
        switch (pattern_[at_ + 1]) {
        case 's':
            return class_escape("\\p{White_Space}", false);
        case 'S':
            return in_class_ ? replace("\\P{White_Space}") : class_escape("\\p{White_Space}", true);
        case 'w':
            return class_escape(word_members, false);
        case 'W':
            return class_escape(word_members, true);
        case 'h':
            return class_escape("0-9a-fA-F", false);
        case 'H':
            return class_escape("0-9a-fA-F", true);
        case 'u':
            return code_point();
        case 'G':
        case 'K':
        case 'R':
        case 'X':
        case 'C':
        case 'N':
        case 'O':
        case 'g':
        case 'k':
        case 'Q':
        case 'E':
        case 'y':
        case 'Y':
            return error{error_code::unsupported, "the escape ", rest().substr(0, 2), " is not supported"};
        default:
            copy(2);
            return {};
        }
    }

    status replace(std::string_view by)
    {
        out_ += by;
        at_ += 2;
        return {};
    }

    status class_escape(std::string_view members, bool negated)
    {
        if (in_class_ && negated)
            return error{error_code::unsupported, rest().substr(0, 2), " inside a class is not supported"};
        if (in_class_) return replace(members);
        std::string whole = negated ? "[^" : "[";
        whole.append(members).append("]");
        return replace(whole);
    }

    status code_point() // \uHHHH
    {
        if (rest().size() < 6) return error{error_code::malformed_file, "\\u without four digits"};
        out_.append("\\x{").append(rest().substr(2, 4)).append("}");
        at_ += 6;
        return {};
    }

    std::string_view pattern_;
    std::string out_;
    std::size_t at_ = 0;
    bool in_class_ = false;
};

} // namespace detail

/// A compiled pattern. Matching it is safe from several threads, each with its own
/// `regex::scratch`.
class regex {
public:
    /// Memory that a search needs; lives as long as one caller likes, for any pattern.
    class scratch {
    public:
        scratch() : data_(pcre2_match_data_create(1, nullptr)), context_(pcre2_match_context_create(nullptr))
        {
            if (!*this) return;
            // A hostile pattern ends in an error, not in hours or gigabytes.
            pcre2_set_depth_limit(context_.get(), 1'000'000);
            pcre2_set_heap_limit(context_.get(), 64u * 1024); // KiB
        }
        explicit operator bool() const noexcept { return data_ && context_; }

        text_budget work; ///< of the text that is being read

    private:
        friend class regex;
        pcre2_match_data* data() noexcept { return data_.get(); }
        pcre2_match_context* context()
        {
            if (!stack_) {
                stack_.reset(pcre2_jit_stack_create(64 * 1024, 8 * 1024 * 1024, nullptr));
                pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
            }
            return context_.get();
        }

        detail::pcre2_handle<pcre2_match_data> data_;
        detail::pcre2_handle<pcre2_match_context> context_;
        detail::pcre2_handle<pcre2_jit_stack> stack_;
    };

    /// No pattern: `false`, and not to be searched for.
    regex() = default;
    explicit operator bool() const noexcept { return code_ != nullptr; }

    /// Compiles an Oniguruma-style pattern. Errors (`where` first): `malformed_file` for a broken
    /// pattern, `unsupported` for syntax that PCRE2 reads otherwise.
    static result<regex> compile(std::string_view pattern, std::string_view where)
    {
        if (pattern.size() > 65536)
            return error{error_code::malformed_file, where, ": a pattern of ", pattern.size(), " bytes is too long"};
        auto translated = detail::pattern_rewriter{pattern}.rewritten();
        if (!translated)
            return error{translated.error().code(), where,  ": pattern \"",
                         printable(pattern),        "\": ", translated.error().text()};
        return compile_translated(pattern, *translated, false, where);
    }

    /// Compiles a text that matches itself only.
    static result<regex> compile_literal(std::string_view literal, std::string_view where)
    {
        if (literal.empty()) return error{error_code::malformed_file, where, ": an empty pattern"};
        return compile_translated(literal, std::string{literal}, true, where);
    }

    /// The pattern as it was given.
    const std::string& pattern() const noexcept { return *pattern_; }

    /// The first match at or after `from`, in valid UTF-8 whose characters begin at `from`; nothing
    /// if there is none. `unsupported` if the match exceeds the limits on time and memory, those of
    /// the text (`scratch::work`) among them.
    ///
    /// PCRE2's limits are those of one place to begin at. So a search goes from window to window of
    /// such places, and looks at the clock between them.
    result<std::optional<text_range>> find(std::string_view text, std::size_t from, scratch& memory) const
    {
        if (!memory) return error{error_code::out_of_memory, "no memory to match a pattern"};
        while (from <= text.size()) {
            std::size_t last = std::min(from + window, text.size());
            int count = match(text, from, last, quick_limit, memory);
            if (count == PCRE2_ERROR_MATCHLIMIT) { // rare: a long run of one kind of character
                last = from;
                count = match(text, from, last, patient_limit, memory);
            }
            if (const status in_time = memory.work.check_time(); !in_time)
                return in_time.error().within("pattern \"" + printable(*pattern_) + '"');
            if (count >= 0) {
                const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(memory.data());
                return std::optional<text_range>{text_range{offsets[0], offsets[1]}};
            }
            if (count != PCRE2_ERROR_NOMATCH)
                return error{error_code::unsupported, "pattern \"", printable(*pattern_),
                             "\" cannot be matched: ", detail::pcre2_message(count)};
            from = last + 1;
            while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
        }
        return std::optional<text_range>{};
    }

private:
    static constexpr std::size_t window = 256;            // bytes where a match may begin
    static constexpr std::uint32_t quick_limit = 100'000; // steps from each of them
    static constexpr std::uint32_t patient_limit = 50'000'000;

    // PCRE2's answer for a match that begins in [from, last].
    int match(std::string_view text, std::size_t from, std::size_t last, std::uint32_t limit, scratch& memory) const
    {
        pcre2_match_context* const context = memory.context();
        pcre2_set_match_limit(context, limit);
        pcre2_set_offset_limit(context, last);
        return pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                           PCRE2_NO_UTF_CHECK, memory.data(), context);
    }

    regex(pcre2_code* code, std::string_view pattern)
        : code_(code, detail::pcre2_free{}), pattern_(std::make_shared<std::string>(pattern))
    {}

    static result<regex> compile_translated(std::string_view pattern, const std::string& translated, bool literal,
                                            std::string_view where)
    {
        int code = 0;
        PCRE2_SIZE offset = 0;
        const detail::pcre2_handle<pcre2_compile_context> context{pcre2_compile_context_create(nullptr)};
        if (!context) return error{error_code::out_of_memory, where, ": no memory for a pattern"};
        pcre2_set_parens_nest_limit(context.get(), 200);
        pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
        const std::uint32_t mode =
            PCRE2_UTF | PCRE2_USE_OFFSET_LIMIT | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE);
        pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), mode,
                                             &code, &offset, context.get());
        if (compiled == nullptr)
            return error{error_code::malformed_file, where,  ": pattern \"",
                         printable(pattern),         "\": ", detail::pcre2_message(code)};
        pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); // without it matching is slower, not wrong
        return regex{compiled, pattern};
    }

    std::shared_ptr<pcre2_code> code_;
    std::shared_ptr<std::string> pattern_;
};

/// Calls `sink(range, is_match)` for the matches of a pattern and the gaps between them, in order;
/// together they cover the text. An empty match right behind the match before it is passed over.
/// `sink` returns a status.
template <class Sink>
status for_each_match(const regex& pattern, std::string_view text, regex::scratch& memory, Sink&& sink)
{
    std::size_t covered = 0;
    std::optional<std::size_t> last_end;
    for (std::size_t from = 0; from <= text.size();) {
        AWQ_TRY(const std::optional<text_range> match, pattern.find(text, from, memory));
        if (!match) break;
        if (match->empty() && last_end == match->end) {
            ++from;
            while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
            continue;
        }
        if (match->begin > covered) AWQ_CHECK(sink(text_range{covered, match->begin}, false));
        AWQ_CHECK(sink(*match, true));
        covered = from = match->end;
        last_end = match->end;
    }
    if (covered < text.size()) AWQ_CHECK(sink(text_range{covered, text.size()}, false));
    return {};
}

} // namespace awq

#endif
