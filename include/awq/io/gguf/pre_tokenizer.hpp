// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_GGUF_PRE_TOKENIZER_HPP
#define AWQ_IO_GGUF_PRE_TOKENIZER_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// How text is cut into words before byte-level merging. tokenizer.json spells it out; a GGUF file
/// holds only a name (`tokenizer.ggml.pre`) for one of the ways that llama.cpp has built in. Here
/// the name is found from the structure, and the structure from the name. (llama.cpp's converter
/// knows tokenizers by a hash of what they do to a test text and refuses all others.)
namespace awq::gguf {

/// One step of a pre-tokenizer of tokenizer.json.
struct pre_tokenizer_step {
    enum class kind : unsigned char {
        split,             ///< Split, behaviour "Isolated", not inverted, by `pattern`
        individual_digits, ///< Digits with individual_digits
        byte_level_words,  ///< ByteLevel with its own pattern (use_regex)
        byte_level,        ///< ByteLevel without it
        other,             ///< anything else; no name fits
    };
    kind what = kind::other;
    std::string pattern;

    friend bool operator==(const pre_tokenizer_step&, const pre_tokenizer_step&) = default;
};

/// One of llama.cpp's ways to cut text.
struct pre_tokenizer_family {
    std::string_view name;
    std::span<const std::string_view> aliases;  ///< names that cut alike
    std::span<const std::string_view> patterns; ///< one split step each
    bool individual_digits = false;
    bool words = false;         ///< the byte-level step cuts by its own pattern
    bool ignore_merges = false; ///< a word that is a token is taken whole
    bool adds_bos = false;      ///< llama.cpp's default for add_bos_token
};

namespace detail {

// The patterns are those of the published tokenizers (GPT-2, Llama 3, Qwen 2, Mistral Nemo, GPT-4o,
// DeepSeek V3, BLOOM).
inline constexpr std::string_view llama3_patterns[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
inline constexpr std::string_view qwen2_patterns[] = {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                                      R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
inline constexpr std::string_view qwen35_patterns[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
    R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
inline constexpr std::string_view tekken_patterns[] = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
inline constexpr std::string_view gpt4o_patterns[] = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
inline constexpr std::string_view deepseek3_patterns[] = {R"(\p{N}{1,3})", "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+",
                                                          "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
                                                          "|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
                                                          "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"};
inline constexpr std::string_view bloom_patterns[] = {" ?[^(\\s|[.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C])]+"};

inline constexpr std::string_view gpt2_aliases[] = {
    "phi-2",      "exaone4", "mellum", "modern-bert", "a.x-4.0",  "gigachat",       "jina-v2-es",
    "jina-v2-de", "olmo",    "mpt",    "jais",        "trillion", "granite-docling"};
inline constexpr std::string_view smollm_aliases[] = {"starcoder", "refact",     "command-r", "codeshell",
                                                      "exaone",    "minerva-7b", "mellum2"};
inline constexpr std::string_view llama3_aliases[] = {"llama3",  "llama-v3", "falcon3", "falcon-h1",
                                                      "pixtral", "midm-2.0", "lfm2"};
inline constexpr std::string_view dbrx_aliases[] = {"smaug-bpe", "glm4", "chatglm-bpe"};
inline constexpr std::string_view qwen2_aliases[] = {"deepseek-r1-qwen", "megrez",  "kormo",      "f2llmv2",
                                                     "stablelm2",        "hunyuan", "solar-open", "grok-2"};
inline constexpr std::string_view gpt4o_aliases[] = {"llama4", "kanana2", "talkie", "minimax-m2"};
inline constexpr std::string_view deepseek3_aliases[] = {"hunyuan-dense", "joyai-llm", "hy_v4"};
inline constexpr std::string_view bloom_aliases[] = {"poro-chat", "gpt3-finnish"};

} // namespace detail

/// The families that structure can be told by. Two with equal structure differ in ignore_merges.
inline constexpr pre_tokenizer_family pre_tokenizer_families[] = {
    {.name = "gpt-2", .aliases = detail::gpt2_aliases, .patterns = {}, .words = true},
    {.name = "smollm", .aliases = detail::smollm_aliases, .patterns = {}, .individual_digits = true, .words = true},
    {.name = "llama-bpe",
     .aliases = detail::llama3_aliases,
     .patterns = detail::llama3_patterns,
     .ignore_merges = true,
     .adds_bos = true},
    {.name = "dbrx", .aliases = detail::dbrx_aliases, .patterns = detail::llama3_patterns},
    {.name = "qwen2", .aliases = detail::qwen2_aliases, .patterns = detail::qwen2_patterns},
    {.name = "qwen35", .aliases = {}, .patterns = detail::qwen35_patterns},
    {.name = "tekken", .aliases = {}, .patterns = detail::tekken_patterns, .ignore_merges = true, .adds_bos = true},
    {.name = "gpt-4o", .aliases = detail::gpt4o_aliases, .patterns = detail::gpt4o_patterns},
    {.name = "deepseek-v3", .aliases = detail::deepseek3_aliases, .patterns = detail::deepseek3_patterns},
    {.name = "bloom", .aliases = detail::bloom_aliases, .patterns = detail::bloom_patterns},
};

/// The steps of a family, as a tokenizer.json would spell them out.
inline std::vector<pre_tokenizer_step> steps_of(const pre_tokenizer_family& family)
{
    using kind = pre_tokenizer_step::kind;
    std::vector<pre_tokenizer_step> steps;
    for (const std::string_view pattern : family.patterns) steps.push_back({kind::split, std::string{pattern}});
    if (family.individual_digits) steps.push_back({kind::individual_digits, {}});
    steps.push_back({family.words ? kind::byte_level_words : kind::byte_level, {}});
    return steps;
}

/// The name for the steps of a tokenizer.json and its model's `ignore_merges`; a family that cuts
/// alike but treats merges otherwise is second choice. Errors: `unsupported` where no family cuts
/// like that; the caller may then offer a name of its own.
inline result<std::string> identify_pre_tokenizer(std::span<const pre_tokenizer_step> steps, bool ignore_merges)
{
    const pre_tokenizer_family* found = nullptr;
    for (const pre_tokenizer_family& family : pre_tokenizer_families) {
        const auto own = steps_of(family);
        if (!std::equal(own.begin(), own.end(), steps.begin(), steps.end())) continue;
        if (found == nullptr || family.ignore_merges == ignore_merges) found = &family;
    }
    if (found != nullptr) return std::string{found->name};
    return error{error_code::unsupported,
                 "llama.cpp has no pre-tokenizer like that of this tokenizer.json; if one of its "
                 "names is known to fit, give it"};
}

/// The family of a `tokenizer.ggml.pre` value, its own name or an alias; null where it is unknown.
inline const pre_tokenizer_family* find_pre_tokenizer(std::string_view name) noexcept
{
    const auto answers = [name](const pre_tokenizer_family& family) {
        return family.name == name ||
               std::find(family.aliases.begin(), family.aliases.end(), name) != family.aliases.end();
    };
    const auto at = std::find_if(std::begin(pre_tokenizer_families), std::end(pre_tokenizer_families), answers);
    return at == std::end(pre_tokenizer_families) ? nullptr : at;
}

} // namespace awq::gguf

#endif
