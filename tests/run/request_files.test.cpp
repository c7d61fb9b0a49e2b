// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "io/scratch.hpp"

#include <awq/run/request_files.hpp>

#include <filesystem>
#include <string>

namespace {

using output_member = std::string& (*)(awq::oneshot_options&);

/// All outputs that one request can have.
const output_member outputs[] = {
    [](awq::oneshot_options& of) -> std::string& { return of.output; },
    [](awq::oneshot_options& of) -> std::string& { return of.output_smoothed; },
    [](awq::oneshot_options& of) -> std::string& { return awq::as<awq::quantize>(of.task).output_dequantized; },
    [](awq::oneshot_options& of) -> std::string& { return awq::as<awq::quantize>(of.task).output_awq; },
    [](awq::oneshot_options& of) -> std::string& { return of.output_imatrix; },
    [](awq::oneshot_options& of) -> std::string& { return of.report; },
};

/// A request whose model, dataset and recipe are there.
awq::oneshot_options request(const test::scratch& scratch)
{
    awq::oneshot_options options;
    scratch.put("model/config.json", "{}");
    options.model = scratch / "model";
    options.calibration = awq::sample_calibration{scratch.put("data.txt", "text")};
    options.recipe = scratch.put("recipe.yaml", "a: 1");
    return options;
}

} // namespace

TEST_CASE("every output of a request is compared with everything that it reads")
{
    const test::scratch scratch;
    const std::string matrix = scratch.put("in.dat", "sums");
    for (const output_member output : outputs) {
        awq::oneshot_options options = request(scratch);
        output(options) = scratch / "out";
        CHECK(awq::check_request_files(options));
        for (const char* const read : {"model", "model/new", "data.txt", "recipe.yaml", "in.dat"}) {
            INFO(read);
            if (read == std::string{"in.dat"}) options.calibration = awq::matrix_calibration{matrix};
            output(options) = scratch / read;
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
    int number = 0;
    for (const output_member each : outputs) each(options) = scratch / ("out" + std::to_string(number++));
    REQUIRE(awq::check_request_files(options));
    for (const output_member one : outputs)
        for (const output_member other : outputs) {
            if (one == other) continue;
            awq::oneshot_options doubled = options;
            one(doubled) = other(doubled);
            CHECK_FALSE(awq::check_request_files(doubled));
        }
}

TEST_CASE("a directory is not called like a GGUF file")
{
    const test::scratch scratch;
    awq::oneshot_options options = request(scratch);
    options.output = scratch / "out.gguf";
    CHECK(awq::check_request_files(options).error().code() == awq::error_code::invalid_argument);
    options.task = awq::write_gguf{"q8_0"};
    CHECK(awq::check_request_files(options));
    awq::as<awq::write_gguf>(options.task).output_dequantized = scratch / "read_back.gguf";
    CHECK_FALSE(awq::check_request_files(options));
}
