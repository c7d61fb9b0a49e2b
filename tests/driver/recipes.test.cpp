// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <filesystem>

namespace {

/// Runs oneshot with a recipe and flags; the output is called out.
test::shell_result with_recipe(const test::scratch& here, const std::string& recipe, const std::string& flags = {})
{
    here.put("r.yaml", recipe);
    return test::shell(here, "$AWQ oneshot --model $MODEL --dataset $TEXT --num-calibration-samples 2 "
                             "--max-seq-length 32 --recipe r.yaml --output out --report report.json " +
                                 flags);
}

} // namespace

TEST_CASE("a recipe that llm-compressor saved runs, with a note on what changes nothing")
{
    const test::scratch here;
    const auto run = with_recipe(here, test::read(AWQ_SOURCE_DIR "/tests/golden/recipes/awq_quant.yaml"));
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    CHECK(run.lines("awq: note: r.yaml: these keys change nothing here: requires_calibration_data") == 1);
    CHECK(test::read(here / "report.json").find("these keys change nothing here") != std::string::npos);
    CHECK(test::read(here / "out/config.json").find("compressed-tensors") != std::string::npos);
}

TEST_CASE("a hostile recipe ends in one line that names file and line, exit code 1")
{
    const test::scratch here;
    for (const char* const recipe :
         {"x_stage: &a\n  y_stage: *a\n", "AWQModifier: {n_grid: 4000000000000, smoothing_only: true}\n",
          "AWQModifier: {config_groups: {g: {weights: {num_bits: 4294967300}}}}\n", "AWQModifier: {n_gird: 4}\n",
          "AWQModifier: {loss: gramm, smoothing_only: true}\n", "AWQModifier: {scheme: W4A17}\n", "\x01\x02"}) {
        const auto run = with_recipe(here, recipe);
        INFO(run.err);
        CHECK(run.exit_code == 1);
        CHECK(run.error_lines() == 1);
        CHECK(run.says("awq: r.yaml: line "));
        CHECK_FALSE(std::filesystem::exists(here / "out"));
    }
}

TEST_CASE("an ignored name that matches nothing: a warning of a recipe, an error of a flag")
{
    const test::scratch here;
    const std::string recipe = "AWQModifier:\n  smoothing_only: true\n  n_grid: 3\n  loss: gram\n"
                               "  ignore: [lm_head, 're:.*gate$']\n";
    const auto warned = with_recipe(here, recipe);
    INFO(warned.err);
    CHECK(warned.exit_code == 0);
    CHECK(warned.lines("awq: warning: r.yaml: \"re:.*gate$\" matches no layer") == 1);
    const auto refused = with_recipe(here, recipe, "--overwrite --ignore 're:.*gate$'");
    CHECK(refused.exit_code != 0);
    CHECK(refused.says("--ignore: \"re:.*gate$\" matches no layer"));
}

TEST_CASE("a smoothing-only run says which scheme its search simulates")
{
    const test::scratch here;
    const auto run = with_recipe(here, "AWQModifier: {smoothing_only: true, n_grid: 3, loss: gram}\n",
                                 "--scheme w2a16 --group-size 64");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    CHECK(run.says("the search simulates w2a16"));
    CHECK(test::read(here / "report.json").find("\"scheme\": \"w2a16\"") != std::string::npos);
}
