// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

TEST_CASE("the program says its version")
{
    const test::scratch here;
    const auto run = test::shell(here, "$AWQ --version");
    CHECK(run.exit_code == 0);
    CHECK(run.out.starts_with("awq "));
}

TEST_CASE("a wrong flag is wrong usage, exit code 2")
{
    const test::scratch here;
    const auto run = test::shell(here, "$AWQ inspect x --no-such-flag");
    CHECK(run.exit_code == 2);
    CHECK(run.says("--no-such-flag"));
}

TEST_CASE("a file that is not there is a failed run, exit code 1, in one line")
{
    const test::scratch here;
    const auto run = test::shell(here, "$AWQ inspect nowhere");
    CHECK(run.exit_code == 1);
    CHECK(run.error_lines() == 1);
    CHECK(run.says("nowhere"));
}
