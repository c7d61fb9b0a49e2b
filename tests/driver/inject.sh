#!/bin/bash
# SPDX-License-Identifier: MIT
# Lets system calls of a run with several outputs fail, or kills it in them (strace). Usage, in an empty directory:
#     AWQ=program MODEL=directory TEXT=file inject.sh [POINTS]        (for each call, at most so many of its uses: 6)
# Prints a line of counts for each call, and a line for each thing that is not as it should be; then exit code 1.
points=${1:-6}
. "$(dirname "$0")/whole_outputs.sh"
command -v strace >/dev/null || { echo "strace is not installed"; exit 1; }

# inject NAME FAULTS...: one run over the old outputs, under these faults
inject()
{
    local name=$1 flags=""; shift
    for fault in "$@"; do flags="$flags -e inject=$fault"; done
    restore yes
    { (LAUNCH="strace -f -o trace -e trace=$calls $flags"; run 3 --overwrite >out 2>err); code=$?; } 2>/dev/null
    now=$(states | tr '\n' ' ')
    grep -q BROKEN <<<"$now" && say "$name: broken: $now"
    case $code in
        0) done_anyway=$((done_anyway + 1))
           [ "$(sort -u <<<"${now// /$'\n'}" | sed '/^$/d')" = new ] || say "$name: exit code 0, but $now" ;;
        1) failed=$((failed + 1))
           grep -q absent <<<"$now" && say "$name: lost: $now"
           [ "$(leftovers)" = 0 ] || say "$name: temporaries are left"
           [ "$(grep '^awq: ' err | grep -vc ': note: ')" = 1 ] || say "$name: not one line: $(cat err)"
           grep -q 'awq: .*partial' err && say "$name: $(grep '^awq: ' err)" ;;
        137) killed=$((killed + 1)) ;;
        *) say "$name: exit code $code: $(tail -1 err)" ;;
    esac
    [ $code = 137 ] && end_is_whole "$name"
}
start_count() { failed=0 killed=0 done_anyway=0; }
say_count() { echo "$1: $failed failed in order, $killed killed, $done_anyway done all the same"; }

calls=mkdir,fsync,pwrite64,ftruncate,fallocate,renameat2,rename,unlinkat,flock
restore yes
(LAUNCH="strace -f -o trace -e trace=$calls"; run 3 --overwrite >/dev/null 2>&1)
declare -A uses
for call in ${calls//,/ }; do uses[$call]=$(grep -c " $call(" trace); done

for call in ${calls//,/ }; do
    start_count
    all=${uses[$call]}
    for ((k = 0; k < points && k < all; ++k)); do
        at=$((all > points ? 1 + k * (all - 1) / (points - 1) : 1 + k))
        inject "kill in $call $at" $call:signal=KILL:when=$at
        case $call in unlinkat | flock | rename) continue ;; esac # nothing depends on their success
        inject "$call $at fails" $call:error=$([ $((k % 2)) = 0 ] && echo EIO || echo ENOSPC):when=$at
    done
    say_count "$call ($all uses)"
done

# A file system that cannot exchange names: two renames for each directory, and a kill between them.
start_count
for at in 1 2 3 4 5 6 7 8; do
    inject "two renames, kill in $at" renameat2:error=EINVAL rename:signal=KILL:when=$at
    inject "two renames, $at fails" renameat2:error=EINVAL rename:error=EIO:when=$at
done
say_count "rename without exchange"
exit $wrong
