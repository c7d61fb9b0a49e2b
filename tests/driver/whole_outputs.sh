# SPDX-License-Identifier: MIT
# Sourced by kill.sh and inject.sh, in an empty directory: a run with five outputs, and what is there after it
# was disturbed. Environment: AWQ (the program), MODEL (a directory), TEXT (a file).
set -u
outputs="a b c.gguf s"
wrong=0
say() { echo "wrong: $*"; wrong=1; }

run() # SAMPLES FLAGS...; LAUNCH, a command with flags, starts it
{
    local samples=$1; shift
    exec ${LAUNCH:-} "$AWQ" oneshot --model "$MODEL" --dataset "$TEXT" --num-calibration-samples "$samples" \
        --max-seq-length 32 --n-grid 3 --threads 1 --scheme W4A16_ASYM --output a --output-awq b \
        --output-imatrix c.gguf --output-smoothed s --report r.json "$@"
}
state() # NAME: old, new, absent or BROKEN
{
    [ -e "$1" ] || { echo absent; return; }
    for which in old new; do diff -rq "$1" "$which/$1" >/dev/null 2>&1 && { echo $which; return; }; done
    echo BROKEN
}
states() { for name in $outputs; do state $name; done; }
leftovers() { find . -maxdepth 1 -name '*partial*' | wc -l; }
restore() # yes or no: whether the old outputs are there
{
    rm -rf $outputs r.json .*.partial-*
    [ $1 = no ] || for name in $outputs; do cp -r old/$name .; done
}
end_is_whole() # WHAT: one more run makes everything new and leaves nothing else
{
    (run 3 --overwrite >/dev/null 2>&1) || say "$1: the run after it fails"
    [ "$(states | sort -u)" = new ] || say "$1: not all is new in the end: $(states)"
    [ "$(leftovers)" = 0 ] || say "$1: temporaries are left by the run after it"
}

mkdir old new
(run 2 >/dev/null 2>&1) || { echo "the run itself fails"; exit 1; }
mv $outputs old
begin=$(date +%s%N)
(run 3 >/dev/null 2>&1)
length=$((($(date +%s%N) - begin) / 1000000)) # ms
mv $outputs new
