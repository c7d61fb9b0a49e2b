#!/bin/bash
# SPDX-License-Identifier: MIT
# Fuzzes the readers with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer (Debian: clang). What it finds is
# kept in build/fuzz/corpus and built upon by the next run; an input that breaks a reader is left in build/fuzz.
#     tests/fuzz/run.sh                     all targets, one minute each
#     tests/fuzz/run.sh tokenizer 3600      one target, for an hour
#     tests/fuzz/run.sh all 600             all targets, ten minutes each
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:-all} seconds=${2:-60}
build=build/fuzz

if ! command -v clang++ >/dev/null; then
    echo "tests/fuzz/run.sh needs clang++ (Debian: clang); without it the tests run the targets for some seconds" >&2
    exit 1
fi
if [ "$target" = all ]; then
    names=()
    for folder in tests/fuzz/seeds/*/; do names+=("$(basename "$folder")"); done
else
    names=("$target")
fi

[ -f $build/CMakeCache.txt ] || cmake -S . -B $build -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DAWQ_SANITIZE=address,undefined -DAWQ_LIBFUZZER=ON -DAWQ_BUILD_TESTS=ON \
    -DAWQ_BUILD_EXAMPLES=OFF -DAWQ_BUILD_BENCH=OFF
cmake --build $build --target "${names[@]/#/fuzz_}"

[ -d /dev/shm ] && export TMPDIR=/dev/shm # for readers that open files by name
failed=()
for name in "${names[@]}"; do
    mkdir -p "$build/corpus/$name"
    echo "== $name"
    $build/tests/fuzz/fuzz_"$name" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 -max_len=16384 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix=$build/"$name"- \
        "$build/corpus/$name" "tests/fuzz/seeds/$name" || failed+=("$name")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "broken by the inputs in $build: ${failed[*]}" >&2
    exit 1
fi
