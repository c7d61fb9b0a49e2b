// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_PRETOKENIZER_HPP
#define AWQ_TEXT_PRETOKENIZER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/byte_alphabet.hpp>
#include <awq/text/json_fields.hpp>
#include <awq/text/regex.hpp>
#include <awq/text/unicode.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// What becomes of the matches of a pattern that splits a text.
enum class split_behavior {
    isolated,             ///< matches and gaps are pieces
    removed,              ///< gaps are pieces
    merged_with_previous, ///< a match belongs to the gap before it
    merged_with_next,     ///< a match belongs to the gap behind it
    contiguous,           ///< matches side by side are one piece
};

/// Splits by a pattern; `invert` swaps the roles of match and gap.
struct split_step {
    regex pattern;
    split_behavior behavior = split_behavior::isolated;
    bool invert = false;
};

/// Splits as GPT-2 does (if `pattern` is there) and writes bytes as the characters of the byte
/// alphabet.
struct byte_level_step {
    bool add_prefix_space = false;
    regex pattern;
    bool last = true; ///< the words are left as bytes, and whoever takes them knows that
};

/// Writes spaces as another character (mostly U+2581) and splits before each.
struct metaspace_step {
    enum class prepend { always, first, never };
    std::string replacement = "\xE2\x96\x81";
    prepend scheme = prepend::always;
    regex pattern; ///< matches the replacement; absent: no splitting
};

/// Cuts a text into words. Built from the "pre_tokenizer" of a tokenizer.json.
class pretokenizer {
public:
    using step = std::variant<split_step, byte_level_step, metaspace_step>;

    /// The pattern of GPT-2, which ByteLevel uses.
    static constexpr std::string_view gpt2_pattern =
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

    /// Leaves every text whole.
    pretokenizer() = default;

    /// Reads a component, a Sequence of them, or null. Errors: `unsupported` for an unknown type.
    static result<pretokenizer> from_json(const json::value& component)
    {
        pretokenizer built;
        AWQ_CHECK(detail::for_each_component(
            component, "pretokenizers",
            [&](const json::value& part, const std::string& type) { return built.add(part, type); }));
        for (std::size_t i = 0; i + 1 < built.steps_.size(); ++i)
            if (auto* bytes = std::get_if<byte_level_step>(&built.steps_[i])) bytes->last = false;
        return built;
    }

    const std::vector<step>& steps() const noexcept { return steps_; }

    /// Whether the words are bytes that the model knows as characters of the byte alphabet.
    bool gives_bytes() const noexcept
    {
        return !steps_.empty() && std::holds_alternative<byte_level_step>(steps_.back());
    }

    /// Whether some step writes bytes as characters of the byte alphabet.
    bool is_byte_level() const noexcept
    {
        for (const step& each : steps_)
            if (std::holds_alternative<byte_level_step>(each)) return true;
        return false;
    }

    /// Calls `sink(word)` (which returns a status) for each word of a valid UTF-8 text, in order.
    /// `starts_text`: nothing comes before this piece in the whole text.
    template <class Sink>
    status for_each_word(std::string_view text, bool starts_text, regex::scratch& memory, Sink&& sink) const
    {
        return run(0, text, starts_text, memory, sink);
    }

private:
    // ---- reading ----

    status add(const json::value& part, const std::string& type)
    {
        if (type == "ByteLevel") return add_byte_level(part);
        if (type == "Metaspace") return add_metaspace(part);
        if (type == "Split") return add_split(part);
        if (type == "Digits") {
            AWQ_TRY(const bool individual, detail::bool_field(part, "individual_digits", false));
            return add_class(part, "\\p{N}", individual ? split_behavior::isolated : split_behavior::contiguous);
        }
        if (type == "Punctuation") {
            AWQ_TRY(const split_behavior behavior, read_behavior(part));
            return add_class(part, R"([!-/:-@\[-`{-~\p{P}])", behavior);
        }
        if (type == "WhitespaceSplit") return add_class(part, "\\s", split_behavior::removed);
        if (type == "Whitespace") return add_class(part, R"(\w+|[^\w\s]+)", split_behavior::removed, true);
        return detail::unsupported_type(part, "pre_tokenizer", type);
    }

    status add_class(const json::value& part, std::string_view pattern, split_behavior behavior, bool invert = false)
    {
        AWQ_TRY(regex compiled, regex::compile(pattern, part.where()));
        steps_.push_back(split_step{std::move(compiled), behavior, invert});
        return {};
    }

    status add_byte_level(const json::value& part)
    {
        byte_level_step added;
        AWQ_TRY(added.add_prefix_space, detail::bool_field(part, "add_prefix_space", true));
        AWQ_TRY(const bool use_regex, detail::bool_field(part, "use_regex", true));
        if (use_regex) {
            AWQ_TRY(added.pattern, regex::compile(gpt2_pattern, part.where()));
        }
        steps_.push_back(std::move(added));
        return {};
    }

    status add_split(const json::value& part)
    {
        AWQ_TRY(const detail::pattern_field pattern, detail::read_pattern(part));
        AWQ_TRY(const bool invert, detail::bool_field(part, "invert", false));
        AWQ_TRY(const split_behavior behavior, read_behavior(part));
        AWQ_TRY(regex compiled, pattern.is_regex ? regex::compile(pattern.text, part.where())
                                                 : regex::compile_literal(pattern.text, part.where()));
        steps_.push_back(split_step{std::move(compiled), behavior, invert});
        return {};
    }

    static result<split_behavior> read_behavior(const json::value& part)
    {
        AWQ_TRY(const std::string name, detail::string_field(part, "behavior"));
        if (name == "Isolated") return split_behavior::isolated;
        if (name == "Removed") return split_behavior::removed;
        if (name == "MergedWithPrevious") return split_behavior::merged_with_previous;
        if (name == "MergedWithNext") return split_behavior::merged_with_next;
        if (name == "Contiguous") return split_behavior::contiguous;
        return part.error(error_code::unsupported, "the behavior \"", printable(name), "\" is not supported");
    }

    status add_metaspace(const json::value& part)
    {
        using prepend = metaspace_step::prepend;
        metaspace_step added;
        AWQ_TRY(added.replacement, detail::string_field(part, "replacement", added.replacement));
        if (added.replacement.size() > 16) // a character
            return part.error(error_code::malformed_file, "the field \"replacement\" is too long");
        AWQ_TRY(const bool split, detail::bool_field(part, "split", true));
        AWQ_TRY(const bool prefix, detail::bool_field(part, "add_prefix_space", true)); // legacy
        AWQ_TRY(const std::string scheme, detail::string_field(part, "prepend_scheme", prefix ? "always" : "never"));
        if (scheme != "always" && scheme != "first" && scheme != "never")
            return part.error(error_code::unsupported, "the prepend_scheme \"", printable(scheme),
                              "\" is not supported");
        added.scheme = scheme == "always" ? prepend::always : scheme == "first" ? prepend::first : prepend::never;
        AWQ_TRY(regex pattern, regex::compile_literal(added.replacement, part.where()));
        if (split) added.pattern = std::move(pattern);
        steps_.push_back(std::move(added));
        return {};
    }

    // ---- splitting, depth first: each piece goes through all further steps before the next ----

    template <class Sink>
    status run(std::size_t at, std::string_view piece, bool first, regex::scratch& memory, Sink& sink) const
    {
        if (piece.empty()) return {};
        if (at == steps_.size()) return sink(piece);
        const auto next = [&](std::string_view part, bool still_first) {
            return run(at + 1, part, still_first, memory, sink);
        };
        return std::visit([&](const auto& each) { return apply(each, piece, first, memory, next); }, steps_[at]);
    }

    template <class Next>
    static status apply(const split_step& step, std::string_view piece, bool first, regex::scratch& memory, Next& next)
    {
        const auto emit = [&](text_range range) -> status {
            return next(piece.substr(range.begin, range.end - range.begin), first && range.begin == 0);
        };
        return split(step, piece, memory, emit);
    }

    template <class Next>
    static status apply(const byte_level_step& step, std::string_view piece, bool first, regex::scratch& memory,
                        Next& next)
    {
        std::string prefixed;
        if (step.add_prefix_space && piece.front() != ' ') {
            prefixed = ' ';
            piece = prefixed += piece;
        }
        const auto emit = [&](text_range range, bool) -> status {
            const std::string_view part = piece.substr(range.begin, range.end - range.begin);
            const bool still_first = first && range.begin == 0;
            AWQ_CHECK(memory.work.spend(1)); // a step that makes many words of one comes to an end
            return step.last ? next(part, still_first) : next(byte_alphabet::encode(part), still_first);
        };
        if (!step.pattern) return emit({0, piece.size()}, false);
        return for_each_match(step.pattern, piece, memory, emit);
    }

    template <class Next>
    static status apply(const metaspace_step& step, std::string_view piece, bool first, regex::scratch& memory,
                        Next& next)
    {
        AWQ_CHECK(memory.work.spend(piece.size() + step.replacement.size()));
        const std::string spaced = with_metaspaces(step, piece, first);
        if (!step.pattern) return next(std::string_view{spaced}, first);
        const split_step before{step.pattern, split_behavior::merged_with_next, false};
        return apply(before, spaced, first, memory, next);
    }

    static std::string with_metaspaces(const metaspace_step& step, std::string_view piece, bool first)
    {
        std::string spaced;
        for (const char each : piece)
            if (each == ' ')
                spaced += step.replacement;
            else
                spaced += each;
        const bool wanted =
            step.scheme == metaspace_step::prepend::always || (step.scheme == metaspace_step::prepend::first && first);
        if (wanted && !spaced.starts_with(step.replacement)) spaced.insert(0, step.replacement);
        return spaced;
    }

    template <class Emit>
    static status split(const split_step& step, std::string_view piece, regex::scratch& memory, Emit& emit)
    {
        std::optional<text_range> pending;
        bool pending_is_match = false;
        const auto flush = [&]() -> status {
            if (!pending || pending->empty()) return {};
            return emit(*pending);
        };
        const auto take = [&](text_range range, bool matched) -> status {
            const bool is_match = matched != step.invert;
            if (step.behavior == split_behavior::isolated) return range.empty() ? status{} : emit(range);
            if (step.behavior == split_behavior::removed) return is_match || range.empty() ? status{} : emit(range);
            if (pending && joins(step.behavior, pending_is_match, is_match)) {
                pending->end = range.end;
            } else {
                AWQ_CHECK(flush());
                pending = range;
            }
            pending_is_match = is_match;
            return {};
        };
        AWQ_CHECK(for_each_match(step.pattern, piece, memory, take));
        return flush();
    }

    static bool joins(split_behavior behavior, bool before, bool now) noexcept
    {
        if (behavior == split_behavior::merged_with_previous) return now && !before;
        if (behavior == split_behavior::merged_with_next) return before && !now;
        return now == before;
    }

    std::vector<step> steps_;
};

} // namespace awq

#endif
