// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "source_tree.hpp"

#include <optional>

namespace {

using layout::headers;
using layout::room_of;

// What each room may include besides itself, config.hpp and version.hpp: a room, or a prefix of headers.
const std::map<std::string, std::vector<std::string>> allowed{
    {"config.hpp", {}},
    {"version.hpp", {}},
    {"support", {}},
    {"tensor", {"support/"}},
    {"policy", {"support/"}},
    {"execution", {"tensor/", "policy/", "support/"}},
    {"calibration", {"execution/", "tensor/", "policy/", "support/"}},
    {"quantization", {"execution/", "tensor/", "policy/", "support/"}},
    {"smoothing", {"execution/", "tensor/", "policy/", "support/"}},
    {"search", {"quantization/", "calibration/", "execution/", "tensor/", "policy/", "support/"}},
    {"modifier.hpp",
     {"modifier_run.hpp", "modifier_search.hpp", "search/", "smoothing/", "quantization/", "calibration/", "execution/",
      "tensor/", "policy/", "support/"}},
    {"modifier_search.hpp",
     {"search/", "smoothing/", "quantization/", "calibration/", "execution/", "tensor/", "support/"}},
    {"modifier_run.hpp", {"search/", "smoothing/", "calibration/", "tensor/", "support/"}},
    {"io", {"tensor/", "quantization/", "support/"}},
    {"text", {"io/json_", "io/directory_entries.hpp", "io/read_file.hpp", "io/model_file.hpp", "support/"}},
    {"report", {"search/search_outcome.hpp", "io/", "support/"}},
    {"device",
     {"search/", "smoothing/", "quantization/", "calibration/", "execution/", "tensor/", "support/",
      "io/integer_codes.hpp", "io/float_codes.hpp"}},
    {"model", {"device/", "execution/", "io/json_", "tensor/", "support/", "smoothing/mapping.hpp"}},
    {"recipe",
     {"execution/precision.hpp", "policy/", "search/", "model/mapping_", "report/", "io/read_file.hpp", "support/",
      "tensor/dtype.hpp"}},
};

// Of quantization, io may know what a stored number means, not how one is found.
const std::vector<std::string> quantization_for_io{"scheme", "pack", "unpack", "qparams", "gguf/type"};

// Rooms of whole models in their order: each may include those before it, and all rooms of the table.
std::optional<std::size_t> place_of_file_room(const std::string& room)
{
    static const std::vector<std::string> rooms{"format", "block", "checkpoint", "evaluate", "allocate", "run"};
    const auto found = std::find(rooms.begin(), rooms.end(), room);
    if (found == rooms.end()) return std::nullopt;
    return static_cast<std::size_t>(found - rooms.begin()) + 1;
}

bool is_allowed(const std::string& includer, const std::string& included)
{
    const std::string from = room_of(includer);
    const std::string target = included.substr(std::string_view("awq/").size());
    if (from == "core.hpp" || from == "hosted.hpp" || from == "awq.hpp") return true;
    if (room_of(included) == from || target == "config.hpp" || target == "version.hpp") return true;
    if (const auto place = place_of_file_room(from)) return place_of_file_room(room_of(included)).value_or(0) < *place;
    const auto rules = allowed.find(from);
    if (rules == allowed.end()) return false;
    if (from == "io" && target.starts_with("quantization/")) {
        const auto rest = target.substr(std::string_view("quantization/").size());
        return std::any_of(quantization_for_io.begin(), quantization_for_io.end(),
                           [&](const std::string& prefix) { return rest.starts_with(prefix); });
    }
    return std::any_of(rules->second.begin(), rules->second.end(),
                       [&](const std::string& prefix) { return target.starts_with(prefix); });
}

} // namespace

TEST_CASE("every header lies in a known room")
{
    for (const auto& [name, header] : headers()) {
        INFO(name);
        const bool known =
            allowed.count(room_of(name)) > 0 || place_of_file_room(room_of(name)) || layout::is_umbrella(name);
        CHECK(known);
    }
}

TEST_CASE("rooms include only what their row of the table allows")
{
    for (const auto& [name, header] : headers())
        for (const auto& included : header.includes) {
            if (!included.starts_with("awq/")) continue;
            INFO(name << " includes " << included);
            CHECK(headers().count(included) == 1);
            CHECK(is_allowed(name, included));
        }
}

TEST_CASE("no header includes itself through others")
{
    for (const auto& [name, header] : headers()) {
        INFO(name);
        CHECK(layout::reach_of(name).count(name) == 0);
    }
}

TEST_CASE("each third-party library enters through one header")
{
    std::map<std::string, std::set<std::string>> entrances;
    for (const auto& [name, header] : headers())
        for (const auto& included : header.includes)
            if (layout::is_third_party(included))
                entrances[included.substr(0, included.find_first_of("/."))].insert(name);
    for (const auto& [library, names] : entrances) {
        std::string listed;
        for (const auto& name : names) listed += name + ' ';
        INFO(library << " enters through " << listed);
        CHECK(names.size() == 1);
    }
}

TEST_CASE("a hosted header says so before anything else")
{
    for (const auto& [name, header] : headers()) {
        if (layout::is_umbrella(name) || name == layout::hosted_mark) continue;
        if (!layout::is_in_file_room(name) && layout::reach_of(name).count(layout::hosted_mark) == 0) continue;
        INFO(name);
        REQUIRE_FALSE(header.includes.empty());
        CHECK(header.includes.front() == layout::hosted_mark);
    }
}

TEST_CASE("a core header reaches nothing that needs a heap, threads or streams")
{
    const std::set<std::string> hosted{"any",           "chrono",          "condition_variable",
                                       "deque",         "filesystem",      "forward_list",
                                       "fstream",       "functional",      "future",
                                       "iostream",      "istream",         "list",
                                       "map",           "memory_resource", "mutex",
                                       "ostream",       "regex",           "set",
                                       "shared_mutex",  "sstream",         "stdexcept",
                                       "stop_token",    "streambuf",       "string",
                                       "thread",        "typeinfo",        "unordered_map",
                                       "unordered_set", "valarray",        "vector"};
    for (const auto& [name, header] : headers()) {
        if (!layout::is_core(name)) continue;
        for (const auto& included : header.unconditional) {
            INFO(name << " includes " << included);
            CHECK(hosted.count(included) == 0);
        }
    }
}
