// SPDX-License-Identifier: MIT
#ifndef AWQ_DATA_CALIBRATION_SAMPLES_HPP
#define AWQ_DATA_CALIBRATION_SAMPLES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/data/tokenizer.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/read_file.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Writes the "messages" of a sample (a JSON array) as the text that the model was trained to see.
using chat_renderer = std::function<result<std::string>(const json::value& messages)>;

/// What is taken from a dataset file.
struct sample_options {
    std::size_t count = 128;          ///< at most so many samples
    std::size_t max_seq_length = 512; ///< at most so many tokens each
    bool add_special_tokens = true;   ///< around each "text", before each window of a plain text
    chat_renderer chat;               ///< for "messages"; without it they are an error
};

namespace detail {

using token_ids = std::vector<std::int32_t>;

// Whether a file holds one JSON object per line: by its name, else by its first character.
inline bool is_json_lines(std::string_view path, std::string_view content) noexcept
{
    if (path.ends_with(".jsonl") || path.ends_with(".ndjson")) return true;
    if (path.ends_with(".txt") || path.ends_with(".md")) return false;
    const std::size_t first = content.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && content.substr(first, 2).find("{\"") == 0;
}

inline std::string_view without_byte_order_mark(std::string_view content) noexcept
{
    return content.starts_with("\xEF\xBB\xBF") ? content.substr(3) : content;
}

inline result<token_ids> read_input_ids(const json::value& list, const tokenizer& tokens)
{
    AWQ_TRY(const auto entries, list.as_array());
    token_ids ids;
    ids.reserve(entries.size());
    for (const json::value& each : entries) {
        AWQ_TRY(const std::int64_t id, each.as_integer());
        if (id < 0 || id >= tokens.vocab_size())
            return each.error(error_code::malformed_file, "the id ", id,
                              " is outside the vocabulary of ", tokens.vocab_size());
        ids.push_back(static_cast<std::int32_t>(id));
    }
    return ids;
}

// One line of a JSONL file: "input_ids", "text" or "messages".
inline result<token_ids> read_json_line(std::string_view line, const std::string& where,
                                        const tokenizer& tokens, const sample_options& options,
                                        tokenizer::memory& kept)
{
    AWQ_TRY(const json::document document, json::document::parse(line, where));
    const json::value root = document.root();
    if (const auto ids = root.find_non_null("input_ids")) return read_input_ids(*ids, tokens);
    std::string rendered;
    std::string_view text;
    bool add_special_tokens = options.add_special_tokens;
    if (const auto found = root.find_non_null("text")) {
        AWQ_TRY(text, found->as_string());
    } else if (const auto messages = root.find_non_null("messages")) {
        if (!options.chat)
            return messages->error(error_code::unsupported,
                                   "messages need the model's chat template, and it has none");
        auto written = options.chat(*messages);
        if (!written) return written.error().within(where);
        text = rendered = *std::move(written);
        add_special_tokens = false; // the template writes them itself
    } else {
        return root.error(error_code::missing_field,
                          R"(a line needs one of "text", "messages" and "input_ids")");
    }
    auto ids = tokens.encode(text, add_special_tokens && !text.empty(), kept);
    if (!ids) return ids.error().within(where);
    return ids;
}

// Calls `sink(ids)` for every sample of a file that has tokens, until it returns false.
template <class Sink>
status for_each_json_line(std::string_view content, const std::string& path,
                          const tokenizer& tokens, const sample_options& options, Sink&& sink)
{
    tokenizer::memory kept;
    std::size_t number = 0;
    for (std::size_t at = 0; at < content.size();) {
        const std::size_t end = std::min(content.find('\n', at), content.size());
        const std::string_view line = content.substr(at, end - at);
        at = end + 1;
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        const std::string where = path + ':' + std::to_string(number);
        AWQ_TRY(token_ids ids, read_json_line(line, where, tokens, options, kept));
        if (!ids.empty() && !sink(std::move(ids))) break;
    }
    return {};
}

inline void append_windows(const token_ids& ids, std::size_t length,
                           std::vector<token_ids>& windows)
{
    for (std::size_t at = 0; at < ids.size(); at += length) {
        const std::size_t end = std::min(at + length, ids.size());
        windows.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(at),
                             ids.begin() + static_cast<std::ptrdiff_t>(end));
    }
}

// Windows of a plain text. Each begins with the tokens that the tokenizer puts before a text: a
// model that has always seen them is far worse without (the perplexity of Gemma 3 270M is 43
// instead of 16).
inline result<std::vector<token_ids>> cut_plain_text(std::string_view content,
                                                     const std::string& path,
                                                     const tokenizer& tokens,
                                                     const sample_options& options)
{
    auto ids = tokens.encode(content, false);
    if (!ids) return ids.error().within(path);
    token_ids first;
    if (options.add_special_tokens) first = tokens.post_processor().prefix();
    if (first.size() >= options.max_seq_length) first.clear();
    std::vector<token_ids> windows;
    append_windows(*ids, options.max_seq_length - first.size(), windows);
    for (token_ids& window : windows) window.insert(window.begin(), first.begin(), first.end());
    return windows;
}

// `count` of the windows, spread evenly; all of them if there are fewer.
inline void thin_out(std::vector<token_ids>& windows, std::size_t count)
{
    const std::size_t all = windows.size();
    if (all <= count) return;
    for (std::size_t i = 0; i < count; ++i)
        if (i != i * all / count) windows[i] = std::move(windows[i * all / count]);
    windows.resize(count);
}

inline status check_sample_options(const std::string& path, std::size_t count,
                                   std::size_t max_seq_length)
{
    if (count > 0 && max_seq_length > 0) return {};
    return error{error_code::invalid_argument, path,
                 ": the number of samples and their length must be at least 1"};
}

inline error no_samples(const std::string& path)
{
    return error{error_code::malformed_file, path,
                 ": no tokens in it; give a text, or JSONL with text, messages or input_ids"};
}

} // namespace detail

/// Calibration samples, as token ids, from a plain text or a JSONL file (told apart by name, else
/// by content). A plain text is tokenized whole and cut into windows of `max_seq_length`, each with
/// the tokens in front that the tokenizer puts there; if there are more than `count`, they are
/// spread evenly over the text, and a last short window is dropped unless it is the only one. In
/// JSONL each line is a sample with "input_ids", "text" or "messages", cut off at `max_seq_length`;
/// the first `count` are read. Errors name the file, and the line: no UTF-8, no JSON, ids beyond
/// the vocabulary, nothing to read.
inline result<std::vector<std::vector<std::int32_t>>>
load_samples(const std::string& path, const tokenizer& tokens, const sample_options& options = {})
{
    AWQ_CHECK(detail::check_sample_options(path, options.count, options.max_seq_length));
    AWQ_TRY(const std::string file, read_file(path));
    const std::string_view content = detail::without_byte_order_mark(file);
    std::vector<detail::token_ids> samples;
    if (detail::is_json_lines(path, content)) {
        AWQ_CHECK(
            detail::for_each_json_line(content, path, tokens, options, [&](detail::token_ids ids) {
                ids.resize(std::min(ids.size(), options.max_seq_length));
                samples.push_back(std::move(ids));
                return samples.size() < options.count;
            }));
    } else {
        AWQ_TRY(samples, detail::cut_plain_text(content, path, tokens, options));
        if (samples.size() > 1 && samples.back().size() < options.max_seq_length)
            samples.pop_back();
        detail::thin_out(samples, options.count);
    }
    if (samples.empty()) return detail::no_samples(path);
    return samples;
}

/// Windows for evaluation: all tokens of a file, in order, in pieces of at most `max_seq_length`
/// that do not overlap. In JSONL no window holds tokens of two lines. `options.count` does not
/// apply. Errors: as `load_samples`.
inline result<std::vector<std::vector<std::int32_t>>>
load_windows(const std::string& path, const tokenizer& tokens, const sample_options& options = {})
{
    AWQ_CHECK(detail::check_sample_options(path, 1, options.max_seq_length));
    AWQ_TRY(const std::string file, read_file(path));
    const std::string_view content = detail::without_byte_order_mark(file);
    std::vector<detail::token_ids> windows;
    if (detail::is_json_lines(path, content)) {
        AWQ_CHECK(detail::for_each_json_line(
            content, path, tokens, options, [&](const detail::token_ids& ids) {
                detail::append_windows(ids, options.max_seq_length, windows);
                return true;
            }));
    } else {
        AWQ_TRY(windows, detail::cut_plain_text(content, path, tokens, options));
    }
    if (windows.empty()) return detail::no_samples(path);
    return windows;
}

} // namespace awq

#endif
