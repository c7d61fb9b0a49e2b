#!/bin/bash
# SPDX-License-Identifier: MIT
# Kills runs at random moments, goes on with --resume, which is killed again now and then, and compares the bytes with
# those of a run that nobody disturbed. Usage, in an empty directory:
#     AWQ=program MODEL=directory TEXT=file [TOKENS=32] resume.sh COUNT KIND...
# Prints a line of counts for each kind of output, and a line for each thing that is wrong; then exit code 1.
set -u
count=$1; shift
wrong=0
say() { echo "wrong: $*"; wrong=1; }

flags_of() # KIND: the outputs
{
    case $1 in
        smoothed) echo "--smoothing-only --output out" ;;
        scheme) echo "--scheme W4A16_ASYM --output out --report r.json" ;;
        gguf) echo "--type q4_k_m --output out.gguf" ;;
        measured) echo "--type q4_k_m --measured-types --output out.gguf" ;;
        compensated) echo "--compensate --target q4_k_m --output out --output-imatrix out.dat" ;;
        imatrix) echo "--smoothing-only --output-imatrix out.gguf" ;;
        several) echo "--scheme W4A16_ASYM --output out --output-awq out-awq --output-smoothed out-smoothed
                       --output-dequantized out-dequantized --output-imatrix out.imatrix --report r.html" ;;
    esac
}
run() # KIND FLAGS...
{
    exec "$AWQ" oneshot --model "$MODEL" --dataset "$TEXT" --num-calibration-samples ${SAMPLES:-4} \
        --max-seq-length ${TOKENS:-32} --n-grid 3 --threads 1 $(flags_of $1) "${@:2}"
}
killed_run() # KIND FLAGS...: killed within 1.1 times its usual length
{
    run "$@" >/dev/null 2>err & local process=$!
    local delay=$(((RANDOM * 32768 + RANDOM) % (length * 11 / 10 + 1)))
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    kill -KILL $process 2>/dev/null
    wait $process 2>/dev/null; code=$?
}

for kind; do
    rm -rf out* r.* whole .*.partial-*; mkdir whole
    begin=$(date +%s%N)
    (run $kind >/dev/null 2>err) || { say "$kind: the run itself fails: $(tail -1 err)"; continue; }
    length=$((($(date +%s%N) - begin) / 1000000)) # ms
    mv out* whole; rm -f r.*
    resumed=0 kills=0
    for ((i = 0; i < count; ++i)); do
        rm -rf out* r.* .*.partial-*
        killed_run $kind $( ((i % 2)) && echo --resume)
        while [ $code != 0 ]; do
            [ $code = 137 ] || { say "$kind, round $i: exit code $code: $(tail -1 err)"; break; }
            kills=$((kills + 1))
            # It was at its end: all is in place, and what is left is marked to be removed.
            ls out* >/dev/null 2>&1 && ! ls -d .*.partial-* 2>/dev/null | grep -qv '\.done$' && rm -rf .*.done && break
            if ((RANDOM % 3)); then (run $kind --resume >/dev/null 2>err); code=$?; else killed_run $kind --resume; fi
            grep -q resumed err && resumed=$((resumed + 1))
        done
        for each in whole/*; do
            diff -r $each ${each#whole/} >/dev/null 2>&1 || say "$kind, round $i: ${each#whole/} differs"
        done
        [ "$(find . -maxdepth 1 -name '*partial*' | wc -l)" = 0 ] || say "$kind, round $i: temporaries are left"
        [[ $(flags_of $kind) != *--report* ]] || ls r.* >/dev/null 2>&1 || say "$kind, round $i: no report"
    done
    echo "$kind: $count rounds, $kills killed, $resumed resumed, $length ms"
done
exit $wrong
