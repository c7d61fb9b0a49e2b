// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_BPE_JSON_HPP
#define AWQ_TEXT_BPE_JSON_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>
#include <awq/text/bpe.hpp>
#include <awq/text/json_fields.hpp>
#include <awq/text/vocabulary.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Reads the "model" of a tokenizer.json.
namespace awq::detail {

inline result<vocabulary> read_vocabulary(const json::value& model)
{
    AWQ_TRY(const json::value vocab, model.at("vocab"));
    AWQ_TRY(const auto members, vocab.as_object());
    vocabulary tokens;
    for (const json::member& each : members) {
        AWQ_TRY(const std::int64_t id, each.value.as_integer());
        if (const status added = tokens.add(each.key, id); !added) return added.error().within(vocab.where());
    }
    return tokens;
}

// The two tokens of a merge: ["a", "b"], or "a b" in older files.
inline result<std::pair<std::string_view, std::string_view>> read_pair(const json::value& merge)
{
    if (merge.is_string()) {
        const std::string_view text = *merge.as_string();
        const std::size_t space = text.find(' ');
        if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos)
            return merge.error(error_code::malformed_file, "expected two tokens and a space");
        return std::pair{text.substr(0, space), text.substr(space + 1)};
    }
    AWQ_TRY(const auto both, merge.as_array());
    if (both.size() != 2) return merge.error(error_code::malformed_file, "expected two tokens");
    AWQ_TRY(const std::string_view left, (*both.begin()).as_string());
    AWQ_TRY(const std::string_view right, (*++both.begin()).as_string());
    return std::pair{left, right};
}

inline result<std::int32_t> find_token(const vocabulary& tokens, std::string_view token, const json::value& merge)
{
    if (const auto id = tokens.find(token)) return *id;
    return merge.error(error_code::malformed_file, "the token \"", printable(token), "\" is not in the vocabulary");
}

inline result<std::vector<bpe_merge>> read_merges(const json::value& model, const vocabulary& tokens,
                                                  std::size_t prefix_size)
{
    AWQ_TRY(const json::value list, model.at("merges"));
    AWQ_TRY(const auto entries, list.as_array());
    std::vector<bpe_merge> merges;
    merges.reserve(entries.size());
    std::string merged;
    for (const json::value& each : entries) {
        AWQ_TRY(const auto pair, read_pair(each));
        if (pair.second.size() < prefix_size)
            return each.error(error_code::malformed_file, "the second token lacks the prefix");
        merged = pair.first;
        merged += pair.second.substr(prefix_size);
        bpe_merge merge;
        AWQ_TRY(merge.left, find_token(tokens, pair.first, each));
        AWQ_TRY(merge.right, find_token(tokens, pair.second, each));
        AWQ_TRY(merge.merged, find_token(tokens, merged, each));
        merges.push_back(merge);
    }
    return merges;
}

inline status check_model_type(const json::value& model)
{
    const auto type = model.find_non_null("type");
    if (type) {
        AWQ_TRY(const std::string_view name, type->as_string());
        if (name != "BPE")
            return type->error(error_code::unsupported, "the model \"", printable(name), "\" is not supported; BPE is");
    }
    const auto dropout = model.find_non_null("dropout");
    if (!dropout) return {};
    AWQ_TRY(const double rate, dropout->as_number());
    if (rate == 0) return {};
    return dropout->error(error_code::unsupported, "dropout makes ids random; set it to null");
}

inline result<bpe_options> read_bpe_options(const json::value& model, const vocabulary& tokens)
{
    bpe_options options;
    AWQ_TRY(options.byte_fallback, bool_field(model, "byte_fallback", false));
    AWQ_TRY(options.fuse_unk, bool_field(model, "fuse_unk", false));
    AWQ_TRY(options.ignore_merges, bool_field(model, "ignore_merges", false));
    AWQ_TRY(options.continuing_subword_prefix, string_field(model, "continuing_subword_prefix", ""));
    AWQ_TRY(options.end_of_word_suffix, string_field(model, "end_of_word_suffix", ""));
    if (options.continuing_subword_prefix.size() + options.end_of_word_suffix.size() > 16)
        return model.error(error_code::malformed_file, "the subword prefix or suffix is too long");
    if (const auto unknown = model.find_non_null("unk_token")) {
        AWQ_TRY(const std::string_view token, unknown->as_string());
        options.unknown = tokens.find(token);
        if (!options.unknown && !token.empty())
            return unknown->error(error_code::malformed_file, "the token \"", printable(token),
                                  "\" is not in the vocabulary");
    }
    return options;
}

inline result<bpe_model> read_bpe(const json::value& model)
{
    AWQ_CHECK(check_model_type(model));
    AWQ_TRY(vocabulary tokens, read_vocabulary(model));
    AWQ_TRY(bpe_options options, read_bpe_options(model, tokens));
    AWQ_TRY(std::vector<bpe_merge> merges, read_merges(model, tokens, options.continuing_subword_prefix.size()));
    return bpe_model{std::move(tokens), std::move(merges), std::move(options)};
}

} // namespace awq::detail

#endif
