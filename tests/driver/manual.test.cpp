// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

TEST_CASE("the manual page names every command and option of the help")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        $AWQ manual > awq.1 || exit 1
        for command in oneshot export eval generate inspect convert; do
            grep -q "^.SS awq $command" awq.1 || echo "$command is missing"
            $AWQ $command --help | grep -o -- '--[a-z0-9-]*' | sed 's/-/\\-/g' | sort -u | while read -r flag; do
                grep -qF -- "$flag" awq.1 || echo "$command $flag is missing"
            done
        done
        ! command -v groff >/dev/null || groff -man -Tascii -ww awq.1 2>&1 >/dev/null
    )");
    CHECK(run.exit_code == 0);
    CHECK(run.out == "");
}

TEST_CASE("bash completes commands and their flags")
{
    const test::scratch here;
    const auto run = test::shell(here, R"(
        source <($AWQ completion)
        complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _awq; echo "${COMPREPLY[@]}"; }
        complete_words awq one
        complete_words awq oneshot --smoothing-o
    )");
    CHECK(run.exit_code == 0);
    CHECK(run.out == "oneshot\n--smoothing-only\n");
}
