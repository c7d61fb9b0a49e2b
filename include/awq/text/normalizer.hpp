// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_NORMALIZER_HPP
#define AWQ_TEXT_NORMALIZER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/byte_alphabet.hpp>
#include <awq/text/json_fields.hpp>
#include <awq/text/regex.hpp>
#include <awq/text/unicode.hpp>
#include <awq/text/unicode_normalization.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// Puts this text before every piece that is not empty.
struct prepend_step {
    std::string text;
};

/// Replaces every match of a pattern.
struct replace_step {
    regex pattern;
    std::string content;
};

/// Takes white space away at the ends.
struct strip_step {
    bool left = true;
    bool right = true;
};

/// The normalizations that have no parameters.
enum class plain_step { lowercase, byte_level, strip_accents };

/// Rewrites a text before it is cut into words. Built from the "normalizer" of a tokenizer.json.
class normalizer {
public:
    using step = std::variant<unicode::normalization_form, prepend_step, replace_step, strip_step, plain_step>;

    /// Leaves every text as it is.
    normalizer() = default;

    /// Reads a component, a Sequence of them, or null. Errors: `unsupported` for an unknown type.
    static result<normalizer> from_json(const json::value& component)
    {
        normalizer built;
        AWQ_CHECK(
            detail::for_each_component(component, "normalizers", [&](const json::value& part, const std::string& type) {
                return built.add(part, type);
            }));
        return built;
    }

    const std::vector<step>& steps() const noexcept { return steps_; }
    bool empty() const noexcept { return steps_.empty(); }

    /// The normalized text; `text` must be valid UTF-8.
    result<std::string> normalize(std::string_view text, regex::scratch& memory) const
    {
        std::string normalized{text};
        for (const step& each : steps_) {
            AWQ_TRY(normalized, std::visit([&](const auto& what) { return apply(what, normalized, memory); }, each));
            AWQ_CHECK(memory.work.spend(normalized.size()));
        }
        return normalized;
    }

private:
    status add(const json::value& part, const std::string& type)
    {
        using enum unicode::normalization_form;
        if (type == "NFC") return add(nfc);
        if (type == "NFD") return add(nfd);
        if (type == "NFKC") return add(nfkc);
        if (type == "NFKD") return add(nfkd);
        if (type == "Lowercase") return add(plain_step::lowercase);
        if (type == "ByteLevel") return add(plain_step::byte_level);
        if (type == "StripAccents") return add(plain_step::strip_accents);
        if (type == "Prepend") {
            AWQ_TRY(std::string text, detail::short_string_field(part, "prepend"));
            return add(prepend_step{std::move(text)});
        }
        if (type == "Strip") {
            AWQ_TRY(const bool left, detail::bool_field(part, "strip_left", true));
            AWQ_TRY(const bool right, detail::bool_field(part, "strip_right", true));
            return add(strip_step{left, right});
        }
        if (type == "Replace") return add_replace(part);
        return detail::unsupported_type(part, "normalizer", type);
    }

    status add(step added)
    {
        steps_.push_back(std::move(added));
        return {};
    }

    status add_replace(const json::value& part)
    {
        AWQ_TRY(const detail::pattern_field pattern, detail::read_pattern(part));
        AWQ_TRY(std::string content, detail::short_string_field(part, "content"));
        AWQ_TRY(regex compiled, pattern.is_regex ? regex::compile(pattern.text, part.where())
                                                 : regex::compile_literal(pattern.text, part.where()));
        return add(replace_step{std::move(compiled), std::move(content)});
    }

    static result<std::string> apply(unicode::normalization_form form, const std::string& text, regex::scratch&)
    {
        return unicode::normalize(text, form);
    }

    static result<std::string> apply(const prepend_step& step, const std::string& text, regex::scratch&)
    {
        return text.empty() ? text : step.text + text;
    }

    static result<std::string> apply(const replace_step& step, const std::string& text, regex::scratch& memory)
    {
        std::string replaced;
        AWQ_CHECK(for_each_match(step.pattern, text, memory, [&](text_range range, bool is_match) -> status {
            if (!is_match) {
                replaced.append(text, range.begin, range.end - range.begin);
                return {};
            }
            if (replaced.size() + step.content.size() > memory.work.left())
                return memory.work.spend(replaced.size() + step.content.size());
            replaced += step.content;
            return {};
        }));
        return replaced;
    }

    static result<std::string> apply(strip_step step, const std::string& text, regex::scratch&)
    {
        std::string_view kept = text;
        if (step.left) kept.remove_prefix(unicode::leading_whitespace(kept));
        if (step.right) kept = kept.substr(0, unicode::trailing_whitespace(kept));
        return std::string{kept};
    }

    static result<std::string> apply(plain_step step, const std::string& text, regex::scratch&)
    {
        if (step == plain_step::lowercase) return unicode::lower_case(text);
        if (step == plain_step::byte_level) return byte_alphabet::encode(text);
        std::string kept;
        for (std::size_t at = 0; at < text.size();) {
            const unicode::decoded next = unicode::decode(text, at);
            if (!unicode::is_mark(next.code_point)) kept.append(text, at, next.size);
            at += next.size;
        }
        return kept;
    }

    std::vector<step> steps_;
};

} // namespace awq

#endif
