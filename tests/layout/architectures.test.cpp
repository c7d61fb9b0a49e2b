// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "source_tree.hpp"

#include <regex>

namespace {

std::string text_of(const char* name) { return layout::read_text(std::filesystem::path{AWQ_SOURCE_DIR} / name); }

/// What the first group of a pattern finds in a text, all of it.
std::set<std::string> found_in(const std::string& text, const char* pattern)
{
    const std::regex expression{pattern};
    std::set<std::string> found;
    for (std::sregex_iterator at{text.begin(), text.end(), expression}, end; at != end; ++at)
        found.insert((*at)[1].str());
    return found;
}

} // namespace

TEST_CASE("every architecture of the registry stands in the document of what works")
{
    const auto names =
        found_in(text_of("include/awq/model/architectures/registry.hpp"), R"re(\{"([A-Za-z0-9_]+)", "[a-z0-9_]+",)re");
    const auto listed = found_in(text_of("examples/ARCHITECTURES.md"), R"(\| ([A-Za-z0-9_]+) \|)");
    CHECK(names.size() > 30);
    for (const std::string& name : names) {
        INFO(name);
        CHECK(listed.contains(name));
    }
}

TEST_CASE("every model that a GGUF file is written of is one of the registry")
{
    const auto names =
        found_in(text_of("include/awq/model/architectures/registry.hpp"), R"re(\{"([A-Za-z0-9_]+)", "[a-z0-9_]+",)re");
    const auto written = found_in(text_of("include/awq/io/gguf/architecture.hpp"),
                                  R"re("([A-Za-z0-9_]+(?:ForCausalLM|LMHeadModel|ForConditionalGeneration))")re");
    CHECK(written.size() > 30);
    for (const std::string& name : written) {
        INFO(name);
        CHECK(names.contains(name));
    }
}
