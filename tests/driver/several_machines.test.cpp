// SPDX-License-Identifier: MIT
// The program started by mpirun, several times on this machine.
#include "catch.hpp"
#include "shell.hpp"

#include <string>

namespace {

/// A shell with `run RANKS FLAGS`: a short oneshot by so many processes, which have some chunks of tokens each; one
/// rank: without mpirun.
test::shell_result runs(const test::scratch& here, const std::string& script)
{
    return test::shell(here, R"sh(
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
        several() { mpirun -n "$@" </dev/null; }
        run() { local start="several $1"; [ $1 = 1 ] && start=
                $start "$AWQ" oneshot --model ${FROM:-$MODEL} --dataset "$TEXT" --num-calibration-samples 3 \
                --max-seq-length 1030 --n-grid ${GRID:-3} --threads 1 "${@:2}"; }
        )sh" + script);
}

} // namespace

TEST_CASE("several processes write the bytes of one, whatever they write")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        both() { for n in 1 2 4; do rm -rf m*; run $n "${@//OUT/m}" >/dev/null 2>err || tail -1 err
                     [ $n = 1 ] && { rm -rf one; mkdir one; cp -r m* one; continue; }
                     for each in one/*; do diff -r $each ${each#one/} >/dev/null || echo "$n $* $each"; done; done; }
        GRID=9 both --smoothing-only --clip-weights --output OUT --output-imatrix OUT.imatrix
        both --type q4_k_m --output OUT.gguf
        both --scheme W4A16_ASYM --clip-steps 2 --output OUT --output-awq OUTawq --hidden-states bfloat16
        echo compared)sh");
    INFO(result.err);
    CHECK(result.out == "compared\n");
}

TEST_CASE("a process of several that dies or fails ends the run: one line, and no output")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        rank_of() { tr '\0' '\n' <"/proc/$1/environ" 2>/dev/null | sed -n 's/^OMPI_COMM_WORLD_RANK=//p'; }
        for victim in 0 1; do
            GRID=200 run 3 --type q4_k_m --output "$PWD/out.gguf" >/dev/null 2>err & wait_for=$!
            until ls -d .out* >/dev/null 2>&1 || ! kill -0 $wait_for; do sleep 0.01; done; sleep 0.3
            for p in $(pgrep -f "^$AWQ oneshot .*$PWD/out.gguf"); do
                [ "$(rank_of $p)" = $victim ] && kill -KILL $p
            done
            wait $wait_for; [ $? = 0 ] && echo "no failure without rank $victim"
            grep -c "rank $victim .* on signal 9" err; ls out* 2>/dev/null
        done
        grep -c 'awq: stopped by SIGTERM, as when another process of the run has died' err
        FROM=absent run 2 --smoothing-only --output out 2>err; echo $?; grep -c 'awq: absent: ' err; ls out* 2>/dev/null
        several 2 "$AWQ" eval --model "$MODEL" --dataset "$TEXT" 2>err; echo $?; grep -c 'awq: eval is not shared' err
        run 2 --smoothing-only --output out --resume 2>err; echo $?; grep -c 'awq: --resume' err)sh");
    INFO(result.err);
    CHECK(result.out == "1\n1\n1\n1\n1\n1\n1\n2\n1\n");
}

TEST_CASE("processes that would not do the same run are refused")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        cat >differs <<'end'
        length=256; [ $OMPI_COMM_WORLD_RANK = 1 ] && length=128
        exec "$AWQ" oneshot --model "$MODEL" --dataset "$TEXT" --smoothing-only --output out --max-seq-length $length
end
        export AWQ MODEL TEXT; several 2 bash differs 2>err; echo $?
        grep -c 'awq: rank 1: .*another model, text, program' err; ls -A | grep out)sh");
    INFO(result.err);
    CHECK(result.out == "1\n1\n");
}
