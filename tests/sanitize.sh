#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds some test rooms with sanitizers and runs them.
#     tests/sanitize.sh                                      the rooms that read files, AddressSanitizer and
#                                                            UndefinedBehaviorSanitizer
#     tests/sanitize.sh thread execution invariants          these rooms, ThreadSanitizer
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

sanitizers=${1:-address,undefined}
rooms=("${@:2}")
[ ${#rooms[@]} -gt 0 ] || rooms=(text io io_autoawq io_compressed_tensors io_gguf recipe)
build=build/${sanitizers//,/-}

[ -f "$build/CMakeCache.txt" ] || cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DAWQ_SANITIZE="$sanitizers" -DAWQ_BUILD_TESTS=ON -DAWQ_BUILD_EXAMPLES=OFF \
    -DAWQ_BUILD_BENCH=OFF
cmake --build "$build" --target "${rooms[@]/#/test_}" --parallel "$(nproc)"

pattern=$(IFS='|'; echo "${rooms[*]}")
ctest --test-dir "$build" --output-on-failure --parallel "$(nproc)" -R "^($pattern)/"
