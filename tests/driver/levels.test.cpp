// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <string>

namespace {

/// A shell with `levels`: those that this build and this processor have; `each COMMAND FLAGS...`: the command at each
/// of them in a directory of its own, named like the level; `same`: whether all of these hold the same bytes.
test::shell_result at_all_levels(const test::scratch& here, const std::string& script)
{
    return test::shell(here, R"(
        levels=$("$AWQ" --instruction-set none --version 2>&1 | sed 's/.*it can be //; s/,//g')
        short="--dataset $TEXT --threads 2 --max-seq-length 32"
        each() {
            for level in $levels; do
                mkdir -p $level && (cd $level && "$AWQ" "$@" --instruction-set $level --reproducible $short) || exit 1
            done
        }
        smooth() { each oneshot --model "$MODEL" --num-calibration-samples 2 --n-grid 3 "$@"; }
        same() { for level in $levels; do diff -r baseline $level || exit 1; done; }
        )" + script);
}

} // namespace

TEST_CASE("smoothed, quantized and compensated checkpoints have the same bytes on every instruction set")
{
    const test::scratch here;
    const auto result = at_all_levels(here, R"(
        smooth --smoothing-only --output smoothed --output-imatrix a.dat
        smooth --smoothing-only --loss parent-output --output parent
        smooth --scheme W4A16_ASYM --output packed --output-awq awq
        smooth --scheme FP8 --output fp8
        smooth --scheme NVFP4 --output nvfp4
        smooth --compensate --target q4_k_m --output compensated
        same)");
    INFO(result.out << result.err);
    CHECK(result.exit_code == 0);
}

TEST_CASE("GGUF files and figures of eval are the same on every instruction set")
{
    const test::scratch here;
    const auto result = at_all_levels(here, R"(
        smooth --type q4_k_m --output mix.gguf
        smooth --type q2_k --better-rounding --output small.gguf
        smooth --type q8_0 --output large.gguf
        short="--dataset $PWD/short.txt --threads 2 --max-seq-length 32"
        head -c 2000 "$TEXT" > short.txt
        each eval --model small.gguf --reference "$MODEL" --report figures.json
        for level in $levels; do
            grep -q "\"instruction_set\": \"$level\"" $level/figures.json || exit 1
            sed -i '/instruction_set/d; s/,$//' $level/figures.json
        done
        same)");
    INFO(result.out << result.err);
    CHECK(result.exit_code == 0);
}

TEST_CASE("the report of a run names the instruction set, which a flag forces")
{
    const test::scratch here;
    const auto result = at_all_levels(here, R"(
        smooth --smoothing-only --output smoothed --report report.json
        for level in $levels; do
            grep -q "\"instruction_set\": \"$level\"" $level/report.json || exit 1
            grep -q '"reproducible": "true"' $level/report.json || exit 1
        done)");
    INFO(result.out << result.err);
    CHECK(result.exit_code == 0);
}

TEST_CASE("an instruction set that cannot be had is wrong usage, in one line that names those that can")
{
    const test::scratch here;
    for (const std::string flag : {"--instruction-set x86-64-v9", "--instruction-set=", "--instruction-set ''"}) {
        const auto result = test::shell(here, "$AWQ inspect $MODEL " + flag);
        INFO(flag << ": " << result.err);
        CHECK(result.exit_code == 2);
        CHECK(result.error_lines() == 1);
        CHECK(result.says("baseline"));
    }
    CHECK(test::shell(here, "$AWQ inspect $MODEL --instruction-set").exit_code == 2);
}

TEST_CASE("the instruction set can stand before the command too")
{
    const test::scratch here;
    CHECK(test::shell(here, "$AWQ --instruction-set baseline inspect $MODEL").exit_code == 0);
    CHECK(test::shell(here, "$AWQ --instruction-set=baseline inspect $MODEL").exit_code == 0);
}
