// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

namespace {

test::shell_result oneshot(const test::scratch& here, const std::string& flags)
{
    return test::shell(here, "$AWQ oneshot --model $MODEL --dataset $TEXT --num-calibration-samples 2 "
                             "--max-seq-length 32 --output out " +
                                 flags);
}

} // namespace

TEST_CASE("a number out of range is wrong usage, and names its flag")
{
    const test::scratch here;
    for (const char* const flag :
         {"--damping 2", "--damping nan", "--n-grid 1", "--n-grid 4000000000000", "--clip-steps 0",
          "--least-squares nan", "--least-squares-share 1.5", "--group-size 99999999999", "--threads 99999999"}) {
        const std::string text = flag;
        const auto run = oneshot(here, "--scheme W4A16 " + text);
        INFO(text << ": " << run.err);
        CHECK(run.exit_code == 2);
        CHECK(run.says(text.substr(2, text.find(' ') - 2)));
    }
}

TEST_CASE("options without effect are named, one warning each")
{
    const test::scratch here;
    const auto run = oneshot(here, "--scheme W4A16 --no-smoothing --n-grid 5 --error-feedback false --damping 0.1");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    CHECK(run.lines("awq: warning: --n-grid has no effect") == 1);
    CHECK(run.lines("awq: warning: --damping has no effect") == 1);
}

TEST_CASE("an unknown scheme names the nearest and all that there are")
{
    const test::scratch here;
    const auto run = oneshot(here, "--scheme W4A61");
    CHECK(run.exit_code == 2);
    CHECK(run.error_lines() == 1);
    CHECK(run.says("unknown scheme 'W4A61'; did you mean 'W4A16'? known: W2A16"));
}
