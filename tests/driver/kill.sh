#!/bin/bash
# SPDX-License-Identifier: MIT
# Kills runs with several outputs at random moments and looks at what is there. Usage, in an empty directory:
#     AWQ=program MODEL=directory TEXT=file kill.sh COUNT [SIGNAL]...        (KILL when none is named)
# Prints a line of counts for each signal, and a line for each thing that is not as it should be; then exit code 1.
count=$1; shift
signals=("${@:-KILL}")
. "$(dirname "$0")/whole_outputs.sh"

set -m # else bash ignores SIGINT for what runs in the background
for signal in "${signals[@]}"; do
    killed=0 finished=0 left=0 mixed=0
    for ((i = 0; i < count; ++i)); do
        [ $((i % 5)) = 4 ] || restore $( ((i % 2)) && echo yes || echo no) # else the next run finds what was left
        before=$(states)
        run 3 --overwrite >out 2>err & process=$!
        delay=$(((RANDOM * 32768 + RANDOM) % (length * 11 / 10 + 1)))
        sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
        kill -$signal $process 2>/dev/null
        wait $process 2>/dev/null; code=$?
        case $code in
            0) finished=$((finished + 1)) ;;
            $((128 + $(kill -l $signal)))) killed=$((killed + 1)) ;;
            *) say "$signal, round $i: exit code $code: $(tail -1 err)" ;;
        esac
        now=$(states)
        grep -q BROKEN <<<"$now" && say "$signal, round $i: broken: $now"
        [ "$(grep -c absent <<<"$now")" -le "$(grep -c absent <<<"$before")" ] || say "$signal, round $i: lost: $now"
        [ $(sort -u <<<"$now" | wc -l) = 1 ] || mixed=$((mixed + 1))
        [ "$(leftovers)" = 0 ] && continue
        left=$((left + 1))
        [ $signal = KILL ] || say "$signal, round $i: temporaries are left"
    done
    end_is_whole $signal
    echo "$signal: $count runs, $killed killed, $finished finished first; temporaries left by $left, old and new mixed $mixed"
done
exit $wrong
