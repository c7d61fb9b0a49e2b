// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "io/scratch.hpp"

#include <awq/run/request_files.hpp>

#include <filesystem>
#include <string>

namespace {

/// A request whose model, dataset and recipe are there.
awq::oneshot_options request(const test::scratch& scratch)
{
    awq::oneshot_options options;
    scratch.put("model/config.json", "{}");
    options.model = scratch / "model";
    options.dataset = scratch.put("data.txt", "text");
    options.recipe = scratch.put("recipe.yaml", "a: 1");
    options.imatrix = scratch.put("in.dat", "sums");
    return options;
}

} // namespace

TEST_CASE("every output of a request is compared with everything that it reads")
{
    const test::scratch scratch;
    for (std::string awq::oneshot_options::*const output :
         {&awq::oneshot_options::output, &awq::oneshot_options::output_smoothed,
          &awq::oneshot_options::output_dequantized, &awq::oneshot_options::output_awq,
          &awq::oneshot_options::output_imatrix, &awq::oneshot_options::report}) {
        awq::oneshot_options options = request(scratch);
        options.*output = scratch / "out";
        CHECK(awq::check_request_files(options));
        for (const char* const read : {"model", "model/new", "data.txt", "recipe.yaml", "in.dat"}) {
            INFO(read);
            options.*output = scratch / read;
            const auto checked = awq::check_request_files(options);
            REQUIRE_FALSE(checked);
            CHECK(checked.error().code() == awq::error_code::invalid_argument);
        }
    }
}

TEST_CASE("every output of a request is compared with every other")
{
    const test::scratch scratch;
    awq::oneshot_options options = request(scratch);
    const auto members = {&awq::oneshot_options::output,
                          &awq::oneshot_options::output_smoothed,
                          &awq::oneshot_options::output_dequantized,
                          &awq::oneshot_options::output_awq,
                          &awq::oneshot_options::output_imatrix,
                          &awq::oneshot_options::report};
    int number = 0;
    for (const auto member : members) options.*member = scratch / ("out" + std::to_string(number++));
    REQUIRE(awq::check_request_files(options));
    for (const auto one : members)
        for (const auto other : members) {
            if (one == other) continue;
            awq::oneshot_options doubled = options;
            doubled.*one = doubled.*other;
            CHECK_FALSE(awq::check_request_files(doubled));
        }
}

TEST_CASE("a directory is not called like a GGUF file")
{
    const test::scratch scratch;
    awq::oneshot_options options = request(scratch);
    options.output = scratch / "out.gguf";
    CHECK(awq::check_request_files(options).error().code() == awq::error_code::invalid_argument);
    options.gguf_type = "q8_0";
    CHECK(awq::check_request_files(options));
    options.output_awq = scratch / "awq.gguf";
    CHECK_FALSE(awq::check_request_files(options));
}
