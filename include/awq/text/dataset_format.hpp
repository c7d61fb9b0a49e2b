// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_DATASET_FORMAT_HPP
#define AWQ_TEXT_DATASET_FORMAT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_reader.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace awq {

/// What a dataset file is, by its bytes; its name only says what it was meant to be.
enum class dataset_kind {
    plain_text,
    json_lines,    ///< one object in each line
    json_document, ///< one array, or one object
};

namespace detail {

inline std::string_view without_byte_order_mark(std::string_view content) noexcept
{
    return content.starts_with("\xEF\xBB\xBF") ? content.substr(3) : content;
}

inline bool has_extension(std::string_view path, std::string_view wanted)
{
    if (path.size() < wanted.size()) return false;
    return std::equal(wanted.begin(), wanted.end(), path.end() - std::ssize(wanted),
                      [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
}

struct file_magic {
    std::string_view bytes, what, advice;
};

// Files that people have where a text is wanted.
inline constexpr std::string_view unpack = "unpack it first";
inline constexpr std::string_view export_it = "write it as JSON lines first (datasets: Dataset.to_json)";
inline constexpr file_magic known_files[] = {
    {"PAR1", "a Parquet file", export_it},
    {"ARROW1", "an Arrow file", export_it},
    {{"\xFF\xFF\xFF\xFF", 4}, "an Arrow stream", export_it},
    {"\x89HDF", "an HDF5 file", export_it},
    {"SQLite format 3", "an SQLite database", export_it},
    {"\x1F\x8B", "a gzip file", unpack},
    {"\x28\xB5\x2F\xFD", "a zstd file", unpack},
    {"\xFD"
     "7zXZ",
     "an xz file", unpack},
    {"BZh", "a bzip2 file", unpack},
    {"7z\xBC\xAF", "a 7z file", unpack},
    {"PK\x03\x04", "a zip file", unpack},
    {"%PDF-", "a PDF file", "extract its text first"},
    {"GGUF", "a GGUF file", "it is a model; give texts"},
    {"version https://git-lfs.github.com", "a git-lfs pointer, not the file itself", "fetch it with \"git lfs pull\""}};

inline bool is_utf16(std::string_view content) noexcept
{
    if (content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF")) return true;
    return content.size() >= 4 && (content[0] == '\0') != (content[1] == '\0') &&
           (content[2] == '\0') != (content[3] == '\0') && (content[0] == '\0') == (content[2] == '\0');
}

} // namespace detail

/// Refuses what is no text, with what to do. `content` begins with the file's first byte.
inline status check_dataset_bytes(std::string_view content, const std::string& path)
{
    for (const detail::file_magic& each : detail::known_files)
        if (content.starts_with(each.bytes))
            return error{error_code::unsupported, path, ": ", each.what, "; ", each.advice};
    if (detail::is_utf16(content))
        return error{error_code::unsupported, path,
                     ": UTF-16 text; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)"};
    const std::size_t zero = content.find('\0');
    if (zero == content.npos) return {};
    return error{error_code::malformed_file, path, ": byte ", zero,
                 " is zero, so this is no text; give a text, or JSON"};
}

namespace detail {

inline result<bool> is_json_text(std::string_view text, const std::string& path)
{
    const auto parsed = json::document::parse(text, path);
    if (!parsed && parsed.error().code() == error_code::out_of_memory) return parsed.error();
    return bool{parsed};
}

inline std::string_view first_line(std::string_view text) noexcept { return text.substr(0, text.find('\n')); }

// "{" and a key, or "[" and an element: prose that begins so is rare.
inline bool begins_like_json(std::string_view text) noexcept
{
    const std::size_t next = text.find_first_not_of(" \t\r\n", 1);
    const char second = next == text.npos ? '\0' : text[next];
    if (text.front() == '{') return second == '"' || second == '}';
    return text.front() == '[' && std::string_view{"{[\"]-0123456789nt"}.find(second) != text.npos;
}

} // namespace detail

/// How a dataset is read. `content` is UTF-8 without a byte order mark. A name in .txt or .md is
/// plain text unless all of it (or its first line) is JSON; one in .json, .jsonl or .ndjson is JSON,
/// whatever it holds. Error: `out_of_memory`.
inline result<dataset_kind> dataset_kind_of(std::string_view content, const std::string& path)
{
    using namespace detail;
    const std::size_t first = std::min(content.find_first_not_of(" \t\r\n"), content.size());
    const std::string_view text = content.substr(first);
    const bool lines = has_extension(path, ".jsonl") || has_extension(path, ".ndjson");
    const bool is_json = lines || has_extension(path, ".json");
    if (text.empty()) return is_json ? dataset_kind::json_lines : dataset_kind::plain_text;
    const bool is_prose = has_extension(path, ".txt") || has_extension(path, ".md");
    if (!is_json && !begins_like_json(text)) return dataset_kind::plain_text;
    const std::string_view line = first_line(text);
    const bool more = text.find_first_not_of(" \t\r\n", line.size()) != text.npos;
    bool whole_line = text.front() == '{' || (lines && more), whole_text = true;
    if (whole_line) {
        AWQ_TRY(whole_line, is_json_text(line, path));
    }
    if (is_prose && !whole_line) {
        AWQ_TRY(whole_text, is_json_text(text, path));
    }
    if (!whole_text) return dataset_kind::plain_text;
    if (whole_line || (lines && text.front() != '[' && text.front() != '{')) return dataset_kind::json_lines;
    return dataset_kind::json_document;
}

} // namespace awq

#endif
