// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_LAYOUT_SOURCE_TREE_HPP
#define AWQ_TESTS_LAYOUT_SOURCE_TREE_HPP

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace layout {

struct header {
    std::string name; // "awq/tensor/dtype.hpp"
    std::string text;
    std::vector<std::string> lines;
    std::vector<std::string> includes;      // in order, without brackets
    std::vector<std::string> unconditional; // those in no #if but the include guard
};

inline std::string read_text(const std::filesystem::path& path)
{
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

inline std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

/// The header named by an `#include <...>` line; empty for other lines.
inline std::string included_by(std::string_view line)
{
    if (!line.starts_with("#include <")) return {};
    line.remove_prefix(std::string_view("#include <").size());
    return std::string(line.substr(0, line.find('>')));
}

/// All files under `folder` whose names end in one of `endings`, sorted.
inline std::vector<std::filesystem::path> files_under(const std::filesystem::path& folder,
                                                      const std::vector<std::string>& endings)
{
    std::vector<std::filesystem::path> found;
    if (!std::filesystem::exists(folder)) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        const auto matches = [&](const std::string& ending) { return name.ends_with(ending); };
        if (entry.is_regular_file() && std::any_of(endings.begin(), endings.end(), matches))
            found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

inline std::map<std::string, header> read_headers()
{
    const std::filesystem::path include = std::filesystem::path(AWQ_SOURCE_DIR) / "include";
    std::map<std::string, header> headers;
    for (const auto& path : files_under(include / "awq", {".hpp"})) {
        header h;
        h.name = std::filesystem::relative(path, include).generic_string();
        h.text = read_text(path);
        h.lines = lines_of(h.text);
        int depth = 0;
        for (const auto& line : h.lines) {
            if (line.starts_with("#if")) ++depth;
            if (line.starts_with("#endif")) --depth;
            const auto name = included_by(line);
            if (name.empty()) continue;
            h.includes.push_back(name);
            if (depth <= 1) h.unconditional.push_back(name);
        }
        headers.emplace(h.name, std::move(h));
    }
    return headers;
}

/// Every header of the library, read once.
inline const std::map<std::string, header>& headers()
{
    static const auto all = read_headers();
    return all;
}

/// "tensor" of awq/tensor/dtype.hpp; the file name for headers that lie in no room, where modifier.hpp stands for
/// its parts too.
inline std::string room_of(const std::string& name)
{
    const auto rest = name.substr(std::string_view("awq/").size());
    const auto room = rest.substr(0, rest.find('/'));
    return room.starts_with("modifier") ? "modifier.hpp" : room;
}

inline void add_reach(const std::string& name, std::set<std::string>& reached)
{
    const auto found = headers().find(name);
    if (found == headers().end()) return;
    for (const auto& included : found->second.includes)
        if (reached.insert(included).second) add_reach(included, reached);
}

/// Every header, ours and foreign, that `name` includes directly or through others.
inline std::set<std::string> reach_of(const std::string& name)
{
    std::set<std::string> reached;
    add_reach(name, reached);
    return reached;
}

/// Neither ours, nor the standard library's, nor the compiler's or the operating system's.
inline bool is_third_party(const std::string& header)
{
    static const std::set<std::string> platform{"immintrin.h", "xmmintrin.h", "cpuid.h",  "arm_neon.h",
                                                "fcntl.h",     "unistd.h",    "dirent.h", "ftw.h"};
    if (header.starts_with("awq/") || header.starts_with("sys/")) return false;
    return header.find_first_of("/.") != header.npos && platform.count(header) == 0;
}

inline constexpr const char* hosted_mark = "awq/support/requires_hosted.hpp";

inline bool is_umbrella(const std::string& name)
{
    return name == "awq/core.hpp" || name == "awq/hosted.hpp" || name == "awq/awq.hpp";
}

/// Rooms of files, models and texts, beyond what an engine needs for tensors in memory.
inline bool is_in_file_room(const std::string& name)
{
    static const std::set<std::string> rooms{"io",     "text",  "report",     "model",    "recipe",   "device",
                                             "format", "block", "checkpoint", "evaluate", "allocate", "run"};
    return rooms.count(room_of(name)) > 0;
}

inline bool is_core(const std::string& name)
{
    if (name == "awq/hosted.hpp" || name == "awq/awq.hpp" || name == hosted_mark || is_in_file_room(name)) return false;
    const auto reached = reach_of(name);
    return reached.count(hosted_mark) == 0 && std::none_of(reached.begin(), reached.end(), is_third_party);
}

/// `text` with comments and the contents of literals blanked, line breaks kept.
inline std::string code_of(const std::string& text)
{
    std::string code = text;
    enum { plain, line_comment, block_comment, string, character } state = plain;
    for (std::size_t i = 0; i < code.size(); ++i) {
        const char c = text[i];
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        const bool in_digits = i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1]));
        if (state == plain && c == '/' && next == '/')
            state = line_comment;
        else if (state == plain && c == '/' && next == '*')
            state = block_comment;
        else if (state == plain && c == '"') {
            state = string;
            continue;
        } else if (state == plain && c == '\'' && !in_digits) {
            state = character;
            continue;
        } else if (state == line_comment && c == '\n')
            state = plain;
        else if (state == block_comment && c == '*' && next == '/') {
            code[i] = code[i + 1] = ' ';
            ++i;
            state = plain;
            continue;
        } else if ((state == string && c == '"') || (state == character && c == '\''))
            state = plain;
        else if ((state == string || state == character) && c == '\\' && i + 1 < text.size()) {
            code[i] = code[i + 1] = ' ';
            ++i;
            continue;
        }
        if (state != plain && c != '\n') code[i] = ' ';
    }
    return code;
}

} // namespace layout

#endif
