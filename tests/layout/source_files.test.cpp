// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "source_tree.hpp"

#include <cctype>

namespace {

using layout::headers;
namespace fs = std::filesystem;

const fs::path root{AWQ_SOURCE_DIR};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// True if `word` occurs in `code` as a whole word; `word` may end in '('.
bool has_word(std::string_view code, std::string_view word)
{
    for (auto at = code.find(word); at != code.npos; at = code.find(word, at + 1)) {
        const auto end = at + word.size();
        const bool starts = at == 0 || !is_word(code[at - 1]);
        const bool ends = !is_word(word.back()) || end == code.size() || !is_word(code[end]);
        if (starts && ends) return true;
    }
    return false;
}

std::string guard_of(const std::string& name)
{
    std::string guard;
    for (const char c : name)
        guard += is_word(c) ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : '_';
    return guard;
}

/// Our text files, without test data and generated single headers.
std::vector<fs::path> text_files()
{
    std::vector<fs::path> files;
    for (const char* folder : {"include", "src", "tests", "bench", "cmake", "examples"})
        for (const auto& path :
             layout::files_under(root / folder, {".hpp", ".cpp", ".txt", ".md", ".sh", ".py", ".yaml"}))
            if (path.string().find("/data/") == std::string::npos) files.push_back(path);
    files.push_back(root / "CMakeLists.txt");
    files.push_back(root / "README.md");
    return files;
}

} // namespace

TEST_CASE("no header is longer than 400 lines")
{
    for (const auto& [name, header] : headers()) {
        if (layout::is_umbrella(name)) continue;
        INFO(name << " has " << header.lines.size() << " lines");
        CHECK(header.lines.size() <= 400);
    }
}

TEST_CASE("every header has its licence line and its own include guard")
{
    for (const auto& [name, header] : headers()) {
        INFO(name);
        const std::string guard = guard_of(name);
        CHECK(header.text.starts_with("// SPDX-License-Identifier: MIT\n"));
        CHECK(header.text.find("#ifndef " + guard + "\n#define " + guard + "\n") != std::string::npos);
        CHECK(header.text.ends_with("#endif\n"));
        CHECK(header.text.find("#pragma once") == std::string::npos);
    }
}

TEST_CASE("the library never prints, exits or aborts")
{
    const std::vector<std::string> forbidden{"cout",   "cerr",        "clog",     "printf(",    "fprintf(",
                                             "puts(",  "fputs(",      "putchar(", "perror(",    "exit(",
                                             "_Exit(", "quick_exit(", "abort(",   "terminate(", "assert("};
    for (const auto& [name, header] : headers()) {
        const std::string code = layout::code_of(header.text);
        for (const auto& word : forbidden) {
            INFO(name << " uses " << word);
            CHECK_FALSE(has_word(code, word));
        }
    }
}

TEST_CASE("headers define only macros of ours")
{
    for (const auto& [name, header] : headers())
        for (const auto& line : header.lines) {
            if (!line.starts_with("#define ")) continue;
            INFO(name << ": " << line);
            const bool ours = line.starts_with("#define AWQ_") || line.starts_with("#define PCRE2_CODE_UNIT_WIDTH 8");
            CHECK(ours);
        }
}

TEST_CASE("text files are ASCII without tabs, carriage returns or trailing blanks")
{
    for (const auto& path : text_files()) {
        const std::string text = layout::read_text(path);
        INFO(path.string());
        CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
        CHECK(text.find(" \n") == std::string::npos);
    }
}

TEST_CASE("lines of C++ are at most 120 columns")
{
    for (const auto& path : text_files()) {
        if (path.extension() != ".hpp" && path.extension() != ".cpp") continue;
        std::size_t number = 0;
        for (const auto& line : layout::lines_of(layout::read_text(path))) {
            ++number;
            INFO(path.string() << ':' << number);
            if (line.size() > 120) CHECK(line.size() <= 120);
        }
    }
}

TEST_CASE("every test source is named in the CMakeLists.txt of its room")
{
    for (const auto& path : layout::files_under(root / "tests", {".test.cpp"})) {
        INFO(path.string());
        const std::string list = layout::read_text(path.parent_path() / "CMakeLists.txt");
        CHECK(list.find(path.filename().string()) != std::string::npos);
    }
}

TEST_CASE("the top level holds what it should and nothing else")
{
    const std::set<std::string> expected{"CMakeLists.txt", "LICENSE", "README.md",      "bench", "cmake",
                                         "examples",       "include", "single_include", "src",   "tests"};
    for (const auto& entry : fs::directory_iterator(root)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(".") || fs::exists(entry.path() / "CMakeCache.txt")) continue;
        INFO(name);
        CHECK(expected.count(name) == 1);
    }
}
