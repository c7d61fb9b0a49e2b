// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "source_tree.hpp"

namespace {

using layout::headers;

// Reached only by headers that are included by name.
const std::vector<std::string> optional_libraries{"cblas",       "openblas", "mkl",  "dnnl",
                                                  "oneapi/dnnl", "mpi",      "cuda", "cublas"};

bool is_optional(const std::string& name)
{
    const auto reached = layout::reach_of(name);
    return std::any_of(reached.begin(), reached.end(), [](const std::string& header) {
        return std::any_of(optional_libraries.begin(), optional_libraries.end(),
                           [&](const std::string& library) { return header.starts_with(library); });
    });
}

std::string umbrella_of(const std::string& name)
{
    if (layout::is_in_file_room(name)) return "awq/awq.hpp";
    return layout::is_core(name) ? "awq/core.hpp" : "awq/hosted.hpp";
}

std::vector<std::string> expected_in(const std::string& umbrella)
{
    std::vector<std::string> expected;
    if (umbrella == "awq/hosted.hpp") expected.push_back("awq/core.hpp");
    if (umbrella == "awq/awq.hpp") expected.push_back("awq/hosted.hpp");
    for (const auto& [name, header] : headers()) {
        if (layout::is_umbrella(name) || name == layout::hosted_mark || is_optional(name)) continue;
        if (umbrella_of(name) == umbrella) expected.push_back(name);
    }
    std::sort(expected.begin(), expected.end());
    // In the compiled mode it is all that awq.hpp includes, so it comes first.
    const auto calls = std::find(expected.begin(), expected.end(), "awq/run/calls.hpp");
    if (calls != expected.end()) std::rotate(expected.begin(), calls, calls + 1);
    return expected;
}

} // namespace

TEST_CASE("each umbrella lists exactly the headers of its tier, sorted")
{
    for (const std::string umbrella : {"awq/core.hpp", "awq/hosted.hpp", "awq/awq.hpp"}) {
        INFO(umbrella);
        REQUIRE(headers().count(umbrella) == 1);
        CHECK(headers().at(umbrella).includes == expected_in(umbrella));
    }
}
