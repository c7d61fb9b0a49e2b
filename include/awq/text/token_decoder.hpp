// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_TOKEN_DECODER_HPP
#define AWQ_TEXT_TOKEN_DECODER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/byte_alphabet.hpp>
#include <awq/text/json_fields.hpp>
#include <awq/text/regex.hpp>
#include <awq/text/unicode.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// Turns tokens back into text. Built from the "decoder" of a tokenizer.json.
class token_decoder {
public:
    /// The characters of the byte alphabet become bytes.
    struct byte_level {};
    /// Tokens <0xHH> side by side become the characters that their bytes spell.
    struct byte_fallback {};
    /// All tokens become one.
    struct fuse {};
    /// Takes `content` away, at most so many times at each end of a token.
    struct strip {
        std::string content;
        std::size_t start = 0, stop = 0;
    };
    /// Replaces every match in a token.
    struct replace {
        regex pattern;
        std::string content;
    };
    /// The replacement becomes a space; in the first token it goes away if one had been put before
    /// the text.
    struct metaspace {
        std::string replacement;
        bool prepended = true;
    };
    /// The suffix of words becomes a space, or goes away in the last token.
    struct bpe_suffix {
        std::string suffix;
    };
    using step = std::variant<byte_level, byte_fallback, fuse, strip, replace, metaspace, bpe_suffix>;

    /// Joins the tokens with spaces.
    token_decoder() = default;

    /// Reads a component, a Sequence of them, or null. Errors: `unsupported` for an unknown type.
    static result<token_decoder> from_json(const json::value& component)
    {
        token_decoder built;
        built.joins_with_spaces_ = component.is_null();
        AWQ_CHECK(
            detail::for_each_component(component, "decoders", [&](const json::value& part, const std::string& type) {
                return built.add(part, type);
            }));
        return built;
    }

    const std::vector<step>& steps() const noexcept { return steps_; }

    /// The text of some tokens, in order.
    result<std::string> decode(std::vector<std::string> tokens) const
    {
        regex::scratch memory;
        std::size_t bytes = 0;
        for (const std::string& each : tokens) bytes += each.size();
        memory.work.begin(bytes);
        for (const step& each : steps_) {
            AWQ_CHECK(std::visit([&](const auto& what) { return apply(what, tokens, memory); }, each));
            for (const std::string& token : tokens) AWQ_CHECK(memory.work.spend(token.size() + 1));
        }
        std::string text;
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (joins_with_spaces_ && i > 0) text += ' ';
            text += tokens[i];
        }
        return text;
    }

private:
    status add(const json::value& part, const std::string& type)
    {
        if (type == "ByteLevel") return add(byte_level{});
        if (type == "ByteFallback") return add(byte_fallback{});
        if (type == "Fuse") return add(fuse{});
        if (type == "Strip") return add_strip(part);
        if (type == "Replace") return add_replace(part);
        if (type == "Metaspace") return add_metaspace(part);
        if (type == "BPEDecoder") {
            AWQ_TRY(std::string suffix, detail::string_field(part, "suffix", "</w>"));
            return add(bpe_suffix{std::move(suffix)});
        }
        return detail::unsupported_type(part, "decoder", type);
    }

    status add(step added)
    {
        steps_.push_back(std::move(added));
        return {};
    }

    status add_strip(const json::value& part)
    {
        AWQ_TRY(std::string content, detail::string_field(part, "content"));
        AWQ_TRY(const json::value start, part.at("start"));
        AWQ_TRY(const json::value stop, part.at("stop"));
        AWQ_TRY(const std::uint64_t at_start, start.as_unsigned());
        AWQ_TRY(const std::uint64_t at_stop, stop.as_unsigned());
        if (content.empty() || content.size() > 1024)
            return part.error(error_code::malformed_file, "the field \"content\" must have 1 to 1024 bytes");
        return add(strip{std::move(content), at_start, at_stop});
    }

    status add_replace(const json::value& part)
    {
        AWQ_TRY(const detail::pattern_field pattern, detail::read_pattern(part));
        AWQ_TRY(std::string content, detail::short_string_field(part, "content"));
        AWQ_TRY(regex compiled, pattern.is_regex ? regex::compile(pattern.text, part.where())
                                                 : regex::compile_literal(pattern.text, part.where()));
        return add(replace{std::move(compiled), std::move(content)});
    }

    status add_metaspace(const json::value& part)
    {
        AWQ_TRY(std::string replacement, detail::string_field(part, "replacement", "\xE2\x96\x81"));
        AWQ_TRY(const bool prefix, detail::bool_field(part, "add_prefix_space", true)); // legacy
        AWQ_TRY(const std::string scheme, detail::string_field(part, "prepend_scheme", prefix ? "always" : "never"));
        if (replacement.empty()) return part.error(error_code::malformed_file, "the field \"replacement\" is empty");
        return add(metaspace{std::move(replacement), scheme != "never"});
    }

    using token_list = std::vector<std::string>;

    static status apply(byte_level, token_list& tokens, regex::scratch&)
    {
        std::string bytes;
        for (const std::string& each : tokens) bytes += byte_alphabet::decode(each);
        tokens.assign(1, unicode::lossy(bytes));
        return {};
    }

    static std::optional<unsigned char> byte_token(std::string_view token) noexcept
    {
        if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
        unsigned byte = 0;
        for (const char each : token.substr(3, 2)) {
            const std::size_t digit = std::string_view{"0123456789abcdef"}.find(
                static_cast<char>(each >= 'A' && each <= 'F' ? each - 'A' + 'a' : each));
            if (digit == std::string_view::npos) return std::nullopt;
            byte = byte * 16 + static_cast<unsigned>(digit);
        }
        return static_cast<unsigned char>(byte);
    }

    static status apply(byte_fallback, token_list& tokens, regex::scratch&)
    {
        token_list decoded;
        std::string bytes;
        const auto flush = [&] {
            if (unicode::find_invalid(bytes) == std::string_view::npos) {
                if (!bytes.empty()) decoded.push_back(bytes);
            } else {
                for (std::size_t i = 0; i < bytes.size(); ++i) decoded.emplace_back(unicode::replacement_character);
            }
            bytes.clear();
        };
        for (std::string& each : tokens) {
            if (const auto byte = byte_token(each)) {
                bytes.push_back(static_cast<char>(*byte));
            } else {
                flush();
                decoded.push_back(std::move(each));
            }
        }
        flush();
        tokens = std::move(decoded);
        return {};
    }

    static status apply(fuse, token_list& tokens, regex::scratch&)
    {
        std::string all;
        for (const std::string& each : tokens) all += each;
        tokens.assign(1, std::move(all));
        return {};
    }

    static status apply(const strip& step, token_list& tokens, regex::scratch&)
    {
        for (std::string& each : tokens) {
            std::string_view kept = each;
            for (std::size_t i = 0; i < step.start && kept.starts_with(step.content); ++i)
                kept.remove_prefix(step.content.size());
            for (std::size_t i = 0; i < step.stop && kept.ends_with(step.content); ++i)
                kept.remove_suffix(step.content.size());
            each = std::string{kept};
        }
        return {};
    }

    static status apply(const replace& step, token_list& tokens, regex::scratch& memory)
    {
        for (std::string& each : tokens) {
            std::string replaced;
            AWQ_CHECK(for_each_match(step.pattern, each, memory, [&](text_range range, bool is_match) -> status {
                const std::string_view piece =
                    is_match ? std::string_view{step.content}
                             : std::string_view{each}.substr(range.begin, range.end - range.begin);
                if (replaced.size() + piece.size() > memory.work.left())
                    return memory.work.spend(replaced.size() + piece.size());
                replaced += piece;
                return {};
            }));
            each = std::move(replaced);
        }
        return {};
    }

    static std::string replaced_all(std::string_view text, std::string_view from, std::string_view to)
    {
        std::string replaced;
        for (std::size_t at = text.find(from); at != text.npos; at = text.find(from)) {
            replaced.append(text.substr(0, at)).append(to);
            text.remove_prefix(at + from.size());
        }
        return replaced.append(text);
    }

    static status apply(const metaspace& step, token_list& tokens, regex::scratch&)
    {
        for (std::size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = replaced_all(tokens[i], step.replacement, i == 0 && step.prepended ? "" : " ");
        return {};
    }

    static status apply(const bpe_suffix& step, token_list& tokens, regex::scratch&)
    {
        if (step.suffix.empty()) return {};
        for (std::size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = replaced_all(tokens[i], step.suffix, i + 1 == tokens.size() ? "" : " ");
        return {};
    }

    std::vector<step> steps_;
    bool joins_with_spaces_ = true;
};

} // namespace awq

#endif
