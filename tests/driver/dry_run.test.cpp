// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "shell.hpp"

#include <string>

namespace {

/// A shell with `run FLAGS`: a short oneshot of the small model.
test::shell_result runs(const test::scratch& here, const std::string& script)
{
    return test::shell(here, R"sh(
        run() { "$AWQ" oneshot --model "${SOURCE:-$MODEL}" --dataset "${DATASET:-$TEXT}" --num-calibration-samples 8 \
                --max-seq-length 64 --n-grid 3 --threads 1 "$@"; }
        )sh" + script);
}

} // namespace

TEST_CASE("a dry run predicts time and memory of every kind of output, and writes nothing")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        : >before; touch -d '2020-01-01' .
        for flags in '--smoothing-only --output a' '--scheme W4A16_ASYM --output a --output-awq b --report r.json' \
                     '--type q4_k_m --output a.gguf' '--compensate --target q4_0 --output a --output-imatrix i.dat'; do
            run $flags --dry-run >../out 2>../err || cat ../err
            grep -c '^predicted  total .* s' ../out; grep -c '^peak RSS   0\.[0-9]* GB of' ../out
        done
        ls -A; stat -c %y . | cut -d- -f1; rm ../out ../err)sh");
    INFO(result.err);
    CHECK(result.out == "1\n1\n1\n1\n1\n1\n1\n1\nbefore\n2020\n");
}

TEST_CASE("a dry run ends with the error with which the run itself would end before it begins")
{
    const test::scratch here;
    const auto result = runs(here, R"sh(
        mkdir there; : >there/config.json; : >file
        same() { run "$@" --dry-run >/dev/null 2>dry; a=$?; run "$@" >/dev/null 2>real; b=$?
                 [ $a != 0 ] && [ $a = $b ] && [ "$(grep '^awq: ' dry)" = "$(grep '^awq: ' real)" ] ||
                     { echo "$*: $a $b"; cat dry real; }; }
        same --smoothing-only --output there
        same --smoothing-only --output none/out
        same --smoothing-only --output out --report none/r.json
        same --smoothing-only --output file/out
        same --type q4_k_m --output there --overwrite
        same --smoothing-only
        same --output out
        same --scheme W4A16 --output out --output-awq out
        same --scheme W8A16 --output out --output-awq other
        same --scheme W4A16_ASYM --output out --ignore no.such.layer
        same --type q9 --output x.gguf
        DATASET=none same --smoothing-only --output out
        SOURCE=none same --smoothing-only --output out
        ls)sh");
    INFO(result.out);
    CHECK(result.out == "dry\nfile\nreal\nthere\n");
}
