// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "source_tree.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path root{AWQ_SOURCE_DIR};

/// What stands between `open` and `close`, on one line, each time.
std::vector<std::string> between(const std::string& text, std::string_view open, char close)
{
    std::vector<std::string> found;
    for (std::size_t at = text.find(open); at != text.npos; at = text.find(open, at)) {
        at += open.size();
        const std::size_t end = text.find_first_of(std::string{close} + '\n', at);
        if (end == text.npos) break;
        if (text[end] == close) found.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return found;
}

/// Whether a header is called so, or ends so after a slash.
bool is_header(const std::string& name)
{
    return std::any_of(layout::headers().begin(), layout::headers().end(),
                       [&](const auto& each) { return ("/" + each.first).ends_with("/" + name); });
}

} // namespace

TEST_CASE("include/README.md names every room, and no header that is not there")
{
    const std::string map = layout::read_text(root / "include/README.md");
    for (const auto& entry : fs::directory_iterator(root / "include/awq")) {
        if (!entry.is_directory() || fs::is_empty(entry.path())) continue;
        const std::string room = entry.path().filename().string();
        INFO(room);
        CHECK(map.find("\n| `" + room + "/`") != std::string::npos);
    }
    for (const std::string& name : between(map, "`", '`')) {
        INFO(name);
        if (name.ends_with(".hpp") && name.find("NAME") == std::string::npos)
            CHECK((is_header(name) || fs::exists(root / name)));
        if (name.ends_with(".py") || name.ends_with(".cpp")) CHECK(fs::exists(root / name));
    }
}

TEST_CASE("README.md links to files that are there")
{
    for (const std::string& link : between(layout::read_text(root / "README.md"), "](", ')')) {
        INFO(link);
        if (!link.starts_with("http")) CHECK(fs::exists(root / link));
    }
}
