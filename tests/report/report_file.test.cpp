// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "io/scratch.hpp"

#include <awq/report/report_file.hpp>
#include <awq/report/write_report_html.hpp>

#include <filesystem>

namespace fs = std::filesystem;

TEST_CASE("a report is known by its content")
{
    const test::scratch scratch;
    CHECK(awq::is_report(scratch.put("run", "{\n  \"awq_version\": \"1\"}")));
    CHECK(awq::is_report(scratch.put("evaluation", "{\"perplexity\": 3.0, \"tokens\": 7}")));
    CHECK(awq::is_report(scratch.put("empty", "")));
    CHECK(awq::is_report(scratch.put("page", awq::to_html(awq::run_report{}))));
    CHECK_FALSE(awq::is_report(scratch.put("other page", "<!DOCTYPE html>\n<html><title>awq </title></html>")));
    for (const char* const other :
         {"{}", "[\"awq_version\"]", "\"awq_version\"", "{\"tokens\": 7}", "{\"awq_version\": ", "awq_version"}) {
        INFO(other);
        CHECK_FALSE(awq::is_report(scratch.put("other", other)));
    }
    CHECK_FALSE(awq::is_report(scratch / "nothing"));
}

TEST_CASE("a report replaces a report, and anything else only when asked")
{
    const test::scratch scratch;
    scratch.put("r.json", "{\"awq_version\": \"1\"}");
    scratch.put("letter", "dear");
    auto made = awq::report_file::create(scratch / "r.json", false);
    REQUIRE(made);
    REQUIRE(made->prepare("new"));
    CHECK(test::read(scratch / "r.json") != "new");
    REQUIRE(made->commit());
    CHECK(test::read(scratch / "r.json") == "new");
    CHECK(awq::report_file::create(scratch / "letter", false).error().code() == awq::error_code::file_exists);
    CHECK(awq::report_file::create(scratch / "letter", true));
    CHECK(awq::report_file::create(scratch.string(), true).error().code() == awq::error_code::file_exists);
}
