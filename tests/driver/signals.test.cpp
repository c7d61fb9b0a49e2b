// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <string>

namespace {

/// A shell with `start FLAGS`: a run of some seconds in the background, `$process`, that has begun to write;
/// job control is on, for else bash ignores SIGINT for what is in the background.
test::shell_result with_run(const test::scratch& here, const std::string& script)
{
    return test::shell(here, R"sh(
        set -m
        start() { "$AWQ" oneshot --model "$MODEL" --dataset "$TEXT" --num-calibration-samples 64 --threads 1 \
                  --smoothing-only "$@" >/dev/null 2>err & process=$!
                  until ls -A | grep -q partial; do sleep 0.01; done; }
        finish() { wait -f $process 2>/dev/null
                   echo "$? $(grep '^awq: ' err | grep -vc ': note: ') $(ls -A | grep -c partial)"; }
        short="--model $MODEL --dataset $TEXT --num-calibration-samples 2 --max-seq-length 32 --n-grid 3"
        )sh" + script);
}

} // namespace

TEST_CASE("a signal ends a run with one line and its own exit code, and nothing is left")
{
    const test::scratch here;
    const auto result = with_run(here, R"sh(
        for signal in INT TERM HUP; do start --output a; kill -$signal $process; finish; cat err >&2; done
        ls -d a)sh");
    INFO(result.err);
    CHECK(result.out == "130 1 0\n143 1 0\n129 1 0\n");
    CHECK(result.says("awq: stopped by SIGINT"));
    CHECK(result.says("awq: stopped by SIGTERM"));
    CHECK(result.says("awq: stopped by SIGHUP"));
}

TEST_CASE("a reader of the output that goes away ends a run, and nothing is left")
{
    const test::scratch here;
    const auto result = with_run(here, R"sh(
        "$AWQ" oneshot $short --smoothing-only --output a 2>&1 >/dev/null | true; echo ${PIPESTATUS[0]}; ls -A)sh");
    CHECK(result.out == "141\n");
}

TEST_CASE("a signal that the program was told to ignore does not end it")
{
    const test::scratch here;
    const auto result = with_run(here, R"sh(
        (trap '' HUP; exec "$AWQ" oneshot $short --smoothing-only --output a >/dev/null 2>err) & process=$!
        until ls -A | grep -q partial; do sleep 0.01; done; kill -HUP $process; finish; ls -d a)sh");
    CHECK(result.out == "0 0 0\na\n");
}

TEST_CASE("the next run removes what a killed one has left, and nothing of one that lives")
{
    const test::scratch here;
    const auto result = with_run(here, R"sh(
        start --output a; kill -KILL $process; finish
        "$AWQ" oneshot $short --smoothing-only --output a >/dev/null 2>&1; echo $?; ls -A | grep partial
        rm -r a; start --output a; kill -STOP $process; names=$(ls -A | grep partial)
        "$AWQ" oneshot $short --smoothing-only --output a >/dev/null 2>&1; echo $?
        [ "$names" = "$(ls -A | grep partial)" ] && echo same
        kill -CONT $process; kill -TERM $process; finish; ls)sh");
    INFO(result.err);
    CHECK(result.out == "137 0 1\n0\n0\nsame\n143 1 0\na\nerr\n");
}

TEST_CASE("runs that are killed at any moment leave whole outputs")
{
    const test::scratch here;
    const auto result =
        test::shell(here, "export AWQ MODEL TEXT; bash '" AWQ_SOURCE_DIR "/tests/driver/kill.sh' 6 KILL TERM");
    INFO(result.out);
    CHECK(result.exit_code == 0);
    CHECK(result.out.find("wrong") == std::string::npos);
}
