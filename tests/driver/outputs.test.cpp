// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <filesystem>
#include <string>

namespace fs = std::filesystem;

namespace {

/// A shell with `run`: a short oneshot with the flags that are given; `kept FILE`: whether FILE is still
/// the one of `before`; `left`: the names of temporaries.
test::shell_result runs(const test::scratch& here, const std::string& script)
{
    return test::shell(here, R"sh(
        run() { "$AWQ" oneshot --model "${SOURCE:-$MODEL}" --dataset "${DATASET:-$TEXT}" \
                --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 --threads 1 "$@"; }
        left() { ls -A | grep partial; }
        )sh" + script);
}

bool worked(const test::shell_result& result)
{
    return result.err.find("block 0") != std::string::npos; // how progress begins
}

} // namespace

TEST_CASE("with closed standard streams the outputs are the same bytes")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        run --smoothing-only --output a --output-imatrix a.dat >&2 &&
        run --smoothing-only --output b --output-imatrix b.dat <&- >&- 2>&- &&
        diff -r a b && cmp a.dat b.dat && run --smoothing-only --output c 2>&- && diff -r a c >&2)sh");
    INFO(result.err);
    CHECK(result.exit_code == 0);
}

TEST_CASE("no output replaces what the run reads, with or without --overwrite")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        cp -r "$MODEL" src; cp -r src before; cp "$TEXT" data.txt; ln data.txt hard; ln -s src link
        cp "$DATA/../recipes/awq_smoothing_only.yaml" recipe.yaml; cp recipe.yaml recipe.before
        SOURCE=src; DATASET=data.txt
        for flags in '--smoothing-only --output out --report src/model.safetensors' \
                     '--smoothing-only --output out --report src/new.json' \
                     '--smoothing-only --output out --report data.txt' \
                     '--smoothing-only --output out --report hard' \
                     '--smoothing-only --output out --recipe recipe.yaml --report recipe.yaml' \
                     '--smoothing-only --output link/out' \
                     '--type q8_0 --output src/model.safetensors' \
                     '--type q8_0 --output link/tokenizer.json' \
                     '--smoothing-only --output out --output-imatrix src/config.json' \
                     '--smoothing-only --output out --output-imatrix data.txt'; do
            for again in '' --overwrite; do
                run $flags $again 2>err && echo "$flags $again: passed"
                [ $(grep -c '^awq: .*choose another' err) = 1 ] || echo "$flags $again: $(cat err)"
            done
        done
        diff -r src before; cmp data.txt "$TEXT"; cmp recipe.yaml recipe.before; ls -d out 2>/dev/null; left)sh");
    CHECK(result.out.empty());
}

TEST_CASE("two outputs of one place are refused before any work")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        for again in '' --overwrite; do
            run --scheme W4A16 --output a --output-smoothed ./a/ $again; echo $?
            run --smoothing-only --output a --output-imatrix b --report b $again; echo $?
            run --smoothing-only --output C.gguf --output-imatrix C.gguf $again; echo $?
        done; ls -A)sh");
    CHECK(result.out == "2\n2\n2\n2\n2\n2\n");
    CHECK(result.error_lines() == 6);
    CHECK_FALSE(worked(result));
}

TEST_CASE("an output that cannot be written fails before any work and is named as it was given")
{
    const test::scratch here;
    here.put("file", "x");
    here.put("home/letter", "dear");
    for (const std::string flags :
         {"--smoothing-only --output out --report none/r.json", "--smoothing-only --output none/out",
          "--smoothing-only --output file", "--smoothing-only --output home", "--type q8_0 --output home",
          "--smoothing-only --output file/out", "--smoothing-only --output out --report home"}) {
        INFO(flags);
        const auto result = runs(here, "run " + flags + " --overwrite");
        INFO(result.err);
        CHECK(result.exit_code == 1);
        CHECK(result.error_lines() == 1);
        CHECK(result.says("awq: " + flags.substr(flags.rfind(' ') + 1) + ": "));
        CHECK_FALSE(worked(result));
        CHECK_FALSE(result.says("partial"));
    }
    CHECK(test::read(here / "file") == "x");
    CHECK(test::shell(here, "ls -A").out == "file\nhome\n");
}

TEST_CASE("a report replaces a report, and anything else only with --overwrite")
{
    const test::scratch here;
    here.put("letter.json", "{\"dear\": 1}");
    const auto result = runs(here, R"sh(
        : > empty
        run --smoothing-only --output a --report r.json >&2; echo $?
        run --smoothing-only --output b --report r.json >&2; echo $?
        run --smoothing-only --output c --report empty >&2; echo $?
        run --smoothing-only --output d --report letter.json; echo $?
        $AWQ eval --model $MODEL --dataset $TEXT --max-seq-length 32 --report letter.json; echo $?
        run --smoothing-only --output e --report letter.json --overwrite >&2; echo $?
        grep -c awq_version letter.json; ls -d d 2>/dev/null)sh");
    INFO(result.err);
    CHECK(result.out == "0\n0\n0\n1\n1\n0\n1\n");
    CHECK(result.error_lines() == 2);
}

TEST_CASE("a run that may not write more ends with one line, and all is as it was")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        run --smoothing-only --output old >/dev/null 2>&1; cp -r old before
        (ulimit -f 20; run --smoothing-only --output old --report r.json --overwrite; echo $?)
        (ulimit -f 20; run --type q8_0 --output x.gguf; echo $?)
        (ulimit -f 1; run --smoothing-only --output out; echo $?)
        diff -r old before; ls -A)sh");
    CHECK(result.out == "1\n1\n1\nbefore\nold\n");
    CHECK(result.error_lines() == 3);
    CHECK(result.says("awq: old/model.safetensors: cannot write: File too large"));
    CHECK(result.says("awq: x.gguf: cannot write: File too large"));
    CHECK(result.says("awq: out/"));
    CHECK_FALSE(result.says("partial"));
}

TEST_CASE("a full or read-only disk ends a run with one line, and nothing is left on it")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        mkdir disk; mount -t tmpfs -o size=64k none disk 2>/dev/null || { echo no mount; exit; }
        trap 'umount disk' EXIT
        run --smoothing-only --output disk/out; echo $?
        run --type q8_0 --output disk/x.gguf; echo $?
        ls -A disk; mount -o remount,ro disk
        run --smoothing-only --output disk/out; echo $?
        run --smoothing-only --output out --report disk/r.json; echo $?; ls -A)sh");
    if (result.out == "no mount\n") return; // only root may
    CHECK(result.out == "1\n1\n1\n1\ndisk\n");
    CHECK(result.error_lines() == 4);
    CHECK(result.says("awq: disk/out/model.safetensors: cannot write: No space left on device"));
    CHECK(result.says("awq: disk/x.gguf: cannot write: No space left on device"));
    CHECK(result.says("awq: disk/out: cannot be written there: Read-only file system"));
    CHECK(result.says("awq: disk/r.json: cannot be written there: Read-only file system"));
    CHECK_FALSE(result.says("partial"));
}

TEST_CASE("results that cannot be printed are a failed run")
{
    const test::scratch here;
    const auto result = test::shell(here, "$AWQ inspect $MODEL >/dev/full");
    CHECK(result.exit_code == 1);
    CHECK(result.error_lines() == 1);
    CHECK(result.says("standard output"));
}
