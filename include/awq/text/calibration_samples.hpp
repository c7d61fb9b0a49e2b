// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_CALIBRATION_SAMPLES_HPP
#define AWQ_TEXT_CALIBRATION_SAMPLES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/read_file.hpp>
#include <awq/support/catch_out_of_memory.hpp>
#include <awq/support/result.hpp>
#include <awq/text/chat_sample.hpp>
#include <awq/text/dataset_format.hpp>
#include <awq/text/dataset_sample.hpp>
#include <awq/text/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// What is taken from a dataset file.
struct AWQ_ABI_TAG sample_options {
    std::size_t count = 128;          ///< at most so many samples
    std::size_t max_seq_length = 512; ///< at most so many tokens each
    bool add_special_tokens = true;   ///< around each "text", before each window of a plain text
    chat_renderer chat;               ///< for messages; without it they are an error
};

/// What was taken from a dataset file.
struct sample_set {
    std::vector<std::vector<std::int32_t>> sequences; ///< token ids, none of them empty
    std::size_t read = 0;                             ///< samples that were looked at; windows of a plain text
    std::size_t empty = 0;                            ///< of these, null or without tokens: left out
    std::size_t cut = 0;                              ///< of these, longer than `max_seq_length`: the rest was left out

    std::size_t tokens() const noexcept
    {
        std::size_t sum = 0;
        for (const auto& each : sequences) sum += each.size();
        return sum;
    }
    std::size_t longest() const noexcept
    {
        std::size_t most = 0;
        for (const auto& each : sequences) most = std::max(most, each.size());
        return most;
    }
};

namespace detail {

using token_ids = std::vector<std::int32_t>;

// The array in an object that is no sample itself: {"data": [...]}.
inline std::optional<json::value> samples_in(const json::value& root)
{
    if (root.is_array()) return root;
    if (has_sample_field(root)) return std::nullopt;
    for (const char* name : {"data", "train", "samples", "examples", "instances", "rows"}) {
        const auto found = root.find(name);
        if (found && found->is_array()) return found;
    }
    return std::nullopt;
}

/// Goes through the samples of a JSON dataset, until the sink returns false.
template <class Sink>
class json_dataset {
public:
    json_dataset(const std::string& path, sample_reader& reader, sample_set& counts, Sink& sink)
        : path_(path), reader_(reader), counts_(counts), sink_(sink)
    {}

    status read_lines(std::string_view content)
    {
        std::size_t number = 0;
        for (std::size_t at = 0; wants_more_ && at < content.size();) {
            const std::size_t end = std::min(content.find('\n', at), content.size());
            const std::string_view line = content.substr(at, end - at);
            at = end + 1;
            ++number;
            if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
            AWQ_TRY(const json::document document, json::document::parse(line, path_ + ':' + std::to_string(number)));
            const json::value root = document.root();
            const bool holds_samples = root.is_object() && samples_in(root);
            AWQ_CHECK(holds_samples ? read_all(*samples_in(root)) : read_one(root));
        }
        return {};
    }

    status read_document(std::string_view content)
    {
        const auto document = json::document::parse(content, path_, true);
        if (!document) return refuse(document.error());
        if (const auto samples = samples_in(document->root())) return read_all(*samples);
        return read_one(document->root());
    }

private:
    // Objects one behind the other, or on several lines each, are what people have most.
    static error refuse(const error& cause)
    {
        return error{cause.code(), cause.text(), "; give one JSON array, or JSON lines: one object in each line"};
    }

    status read_all(const json::value& samples)
    {
        for (const json::value& each : samples.elements()) {
            AWQ_CHECK(read_one(each));
            if (!wants_more_) break;
        }
        return {};
    }

    status read_one(const json::value& sample)
    {
        AWQ_TRY(token_ids ids, reader_.read(sample));
        ++counts_.read;
        if (ids.empty())
            ++counts_.empty;
        else
            wants_more_ = sink_(std::move(ids));
        return {};
    }

    const std::string& path_;
    sample_reader& reader_;
    sample_set& counts_;
    Sink& sink_;
    bool wants_more_ = true;
};

inline void append_windows(const token_ids& ids, std::size_t length, std::vector<token_ids>& windows)
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
inline result<std::vector<token_ids>> cut_plain_text(std::string_view content, const std::string& path,
                                                     const tokenizer& tokens, const sample_options& options)
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

inline status check_sample_options(const std::string& path, std::size_t count, std::size_t max_seq_length)
{
    if (count > 0 && max_seq_length > 0) return {};
    return error{error_code::invalid_argument, path, ": the number of samples and their length must be at least 1"};
}

inline error no_samples(const std::string& path, const sample_set& made)
{
    if (made.read > 0)
        return error{error_code::malformed_file, path, ": all ", made.read, " samples are empty; they need ",
                     accepted_sample_fields};
    return error{error_code::malformed_file, path, ": no tokens in it; give a text, or JSON whose samples have ",
                 accepted_sample_fields};
}

// Calls `on_ids(ids)` for each sample of a JSON dataset until it returns false, or
// `on_windows(windows)` for a plain text.
template <class OnIds, class OnWindows>
result<sample_set> read_dataset(const std::string& path, const tokenizer& tokens, const sample_options& options,
                                OnIds&& on_ids, OnWindows&& on_windows)
{
    AWQ_TRY(const std::string file, read_file(path));
    AWQ_CHECK(check_dataset_bytes(file, path));
    const std::string_view content = without_byte_order_mark(file);
    sample_set made;
    AWQ_TRY(const dataset_kind kind, dataset_kind_of(content, path));
    if (kind == dataset_kind::plain_text) {
        AWQ_TRY(made.sequences, cut_plain_text(content, path, tokens, options));
        made.read = made.sequences.size();
        on_windows(made.sequences);
    } else {
        sample_reader reader{tokens, options.chat, options.add_special_tokens};
        const auto sink = [&](token_ids ids) { return on_ids(made, std::move(ids)); };
        json_dataset all{path, reader, made, sink};
        AWQ_CHECK(kind == dataset_kind::json_lines ? all.read_lines(content) : all.read_document(content));
    }
    if (made.sequences.empty()) return no_samples(path, made);
    return made;
}

} // namespace detail

/// Calibration samples, as token ids, from a dataset file: what it is, is told by its bytes (see
/// `dataset_kind_of`). A plain text is tokenized whole and cut into windows of `max_seq_length`,
/// each with the tokens in front that the tokenizer puts there; if there are more than `count`, they
/// are spread evenly over the text, and a last short window is dropped unless it is the only one. In
/// JSON (an array, {"data": [...]}, or one object in each line) each sample has one of
/// `accepted_sample_fields`, or is a text, and is cut off at `max_seq_length`; the first `count` are
/// read. Errors name the file and the place: no text, no UTF-8, no JSON, fields that are not known,
/// ids beyond the vocabulary, nothing to read.
AWQ_COMPILED result<sample_set> load_samples(const std::string& path, const tokenizer& tokens,
                                             const sample_options& options = {});

/// Windows for evaluation: all tokens of a file, in order, in pieces of at most `max_seq_length`
/// that do not overlap. In JSON no window holds tokens of two samples. `options.count` does not
/// apply. Errors: as `load_samples`.
AWQ_COMPILED result<sample_set> load_windows(const std::string& path, const tokenizer& tokens,
                                             const sample_options& options = {});

#if AWQ_COMPILES_FILES
AWQ_COMPILED result<sample_set> load_samples(const std::string& path, const tokenizer& tokens,
                                             const sample_options& options)
{
    AWQ_CHECK(detail::check_sample_options(path, options.count, options.max_seq_length));
    const auto add = [&](sample_set& made, detail::token_ids ids) {
        made.cut += ids.size() > options.max_seq_length;
        ids.resize(std::min(ids.size(), options.max_seq_length));
        made.sequences.push_back(std::move(ids));
        return made.sequences.size() < options.count;
    };
    const auto choose = [&](std::vector<detail::token_ids>& windows) {
        if (windows.size() > 1 && windows.back().size() < options.max_seq_length) windows.pop_back();
        detail::thin_out(windows, options.count);
    };
    return catch_out_of_memory(path, give_more_memory,
                               [&] { return detail::read_dataset(path, tokens, options, add, choose); });
}

AWQ_COMPILED result<sample_set> load_windows(const std::string& path, const tokenizer& tokens,
                                             const sample_options& options)
{
    AWQ_CHECK(detail::check_sample_options(path, 1, options.max_seq_length));
    const auto add = [&](sample_set& made, const detail::token_ids& ids) {
        detail::append_windows(ids, options.max_seq_length, made.sequences);
        return true;
    };
    return catch_out_of_memory(path, give_more_memory, [&] {
        return detail::read_dataset(path, tokens, options, add, [](const std::vector<detail::token_ids>&) {});
    });
}
#endif

} // namespace awq

#endif
