// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "source_tree.hpp"

namespace {

using layout::headers;

// Reached only by headers of optional components, which are included by name.
const std::vector<std::string> optional_libraries{
    "yaml-cpp/", "pcre2", "cblas", "openblas", "mkl", "dnnl", "oneapi/dnnl", "mpi", "cuda", "cublas"};

bool is_optional(const std::string& name)
{
    const auto reached = layout::reach_of(name);
    return std::any_of(reached.begin(), reached.end(), [](const std::string& header) {
        return std::any_of(optional_libraries.begin(), optional_libraries.end(),
            [&](const std::string& library) { return header.starts_with(library); });
    });
}

std::vector<std::string> expected_in(const std::string& umbrella)
{
    std::vector<std::string> expected;
    if (umbrella == "awq/awq.hpp") expected.push_back("awq/core.hpp");
    for (const auto& [name, header] : headers()) {
        if (layout::is_umbrella(name) || name == layout::hosted_mark || is_optional(name)) continue;
        if (layout::is_core(name) == (umbrella == "awq/core.hpp")) expected.push_back(name);
    }
    std::sort(expected.begin(), expected.end());
    return expected;
}

} // namespace

TEST_CASE("core.hpp lists exactly the core headers, sorted")
{
    REQUIRE(headers().count("awq/core.hpp") == 1);
    CHECK(headers().at("awq/core.hpp").includes == expected_in("awq/core.hpp"));
}

TEST_CASE("awq.hpp lists exactly the other headers but the optional ones, sorted")
{
    REQUIRE(headers().count("awq/awq.hpp") == 1);
    CHECK(headers().at("awq/awq.hpp").includes == expected_in("awq/awq.hpp"));
}
