// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <string>

namespace {

/// A shell with `run FLAGS`: a short oneshot; `die FLAGS`: the same, killed in its block 3, when some blocks are
/// recorded; `journal`: the file.
test::shell_result runs(const test::scratch& here, const std::string& script)
{
    return test::shell(here, R"sh(
        cp -r "$MODEL" model; cp "$TEXT" text
        run() { "$AWQ" oneshot --model model --dataset text --num-calibration-samples 4 --max-seq-length ${TOKENS:-32} \
                --n-grid ${GRID:-3} --threads 1 "$@"; }
        die() { rm -f died; "$AWQ" oneshot --model model --dataset text --num-calibration-samples 4 \
                --max-seq-length 32 --n-grid 3 --threads 1 "$@" >/dev/null 2>died & local process=$!
                until grep -q "block 3" died 2>/dev/null || ! kill -0 $process 2>/dev/null; do sleep 0.002; done
                kill -${SIGNAL:-KILL} $process; wait $process 2>/dev/null; }
        journal() { find . -path '*partial*' -name journal; }
        )sh" + script);
}

} // namespace

TEST_CASE("a run that was killed at any moment goes on to the same bytes, whatever it writes")
{
    const test::scratch here;
    const auto result = test::shell(here, "export AWQ MODEL TEXT; bash '" AWQ_SOURCE_DIR
                                          "/tests/driver/resume.sh' 2 smoothed scheme gguf compensated several");
    INFO(result.out);
    CHECK(result.exit_code == 0);
    CHECK(result.out.find("wrong") == std::string::npos);
}

TEST_CASE("what is resumed is not computed again, and without --resume one line says that it could be")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        die --smoothing-only --output a; run --smoothing-only --output a --resume >/dev/null 2>err; echo $?
        grep -c 'block 1' err; grep -c 'note: resumed behind the first [1-9] of' err
        die --smoothing-only --output b; run --smoothing-only --output b >/dev/null 2>err; echo $?
        grep -c 'b: an interrupted run had finished .* --resume would have gone on' err; grep -c 'block 1' err
        diff -r a b; run --smoothing-only --output c --resume 2>&1 >/dev/null | grep -c resume; diff -r a c
        ls -A | grep partial)sh");
    INFO(result.err);
    CHECK(result.out == "0\n0\n1\n0\n1\n1\n0\n");
}

TEST_CASE("a request, a model or a text that has changed is not resumed, and what has changed is named")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        die --smoothing-only --output a; cp -rp model model.before; left=$(ls -d .a.partial-*)
        expect() { [ $? = 1 ] && [ $(grep '^awq: ' err | grep -vc 'awq: warning') = 1 ] &&
                   grep -q "^awq: .*$1" err || { echo "$1:"; cat err; }; }
        GRID=4 run --smoothing-only --output a --resume >/dev/null 2>err; expect 'n-grid was 3 and is 4'
        TOKENS=16 run --smoothing-only --output a --resume >/dev/null 2>err; expect 'max-seq-length was 32'
        run --smoothing-only --output a --resume --output-imatrix i >/dev/null 2>err
        expect 'output-imatrix was not given'
        run --smoothing-only --output a --resume --ignore re:.*q_proj >/dev/null 2>err; expect 'ignore has changed'
        run --scheme W4A16 --output a --resume >/dev/null 2>err; expect 'smoothing-only was true and is false'
        echo "Another beginning. $(cat text)" >text; run --smoothing-only --output a --resume >/dev/null 2>err
        expect 'the calibration text has changed'; cp "$TEXT" text
        printf X | dd of=model/model.safetensors bs=1 seek=100000 conv=notrunc 2>/dev/null
        run --smoothing-only --output a --resume >/dev/null 2>err; expect "the model.s file model.safetensors was"
        rm -r model; cp -rp model.before model; [ "$left" = "$(ls -d .*.partial-*)" ] || echo gone
        run --smoothing-only --output a --resume >/dev/null 2>err; echo $?; grep -c resumed err)sh");
    INFO(result.err);
    CHECK(result.out == "0\n1\n");
}

TEST_CASE("a journal, hidden states or an output that are damaged are never gone on with")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        run --type q4_k_m --output whole.gguf >/dev/null 2>&1
        damaged() { run --type q4_k_m --output a.gguf --resume >/dev/null 2>err || cat err
                    grep -c 'begins afresh' err; cmp a.gguf whole.gguf; rm a.gguf; ls -A | grep partial; }
        again() { die --type q4_k_m --output a.gguf; file=$(journal); size=$(stat -c %s $file); }
        again; truncate -s $((size / 2)) $file; damaged
        again; : >$file; damaged
        again; head -c $size /dev/urandom >$file; damaged
        again; printf '\377\377\377\377' | dd of=$file bs=1 seek=40 conv=notrunc 2>/dev/null; damaged
        again
        for each in $(dirname $file)/hidden.*; do printf X | dd of=$each bs=1 seek=9 conv=notrunc 2>/dev/null; done
        damaged
        again; rm $(dirname $file)/hidden.*; damaged
        again; dd if=/dev/zero of=$(dirname $file)/new bs=1k seek=10 count=2000 conv=notrunc 2>/dev/null; damaged
        again; rm $(dirname $file)/new; damaged)sh");
    INFO(result.err);
    CHECK(result.out == "1\n1\n1\n1\n1\n1\n1\n1\n");
}

TEST_CASE("with --resume a signal leaves what is done, without it nothing")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        run --smoothing-only --output whole >/dev/null 2>&1
        SIGNAL=TERM die --smoothing-only --output a --resume; grep -c 'stopped by SIGTERM; what is done stays' died
        journal | wc -l; run --smoothing-only --output a --resume >/dev/null 2>err; echo $?; grep -c resumed err
        diff -r a whole; rm -r a
        SIGNAL=TERM die --smoothing-only --output a; grep -c 'unfinished outputs are removed' died
        journal | wc -l)sh");
    INFO(result.err);
    CHECK(result.out == "1\n1\n0\n1\n1\n0\n");
}

TEST_CASE("a journal for which the disk has no room costs the run nothing but its journal")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        mkdir disk; mount -t tmpfs -o size=${SIZE:-1}m none disk 2>/dev/null || { echo no mount; exit; }
        trap 'umount disk' EXIT
        run --smoothing-only --output whole >/dev/null 2>&1; size=$(du -sk whole | cut -f1)
        mount -o remount,size=$((size + 40))k disk
        TOKENS=128 run --smoothing-only --output disk/a --resume 2>err >/dev/null; echo $?
        grep -c 'the journal of the run cannot be written' err; ls -A disk)sh");
    if (result.out == "no mount\n") return; // only root may
    INFO(result.err);
    CHECK(result.out == "0\n1\na\n");
}
