#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing (Debian 12), builds the driver and smooths the small model of examples/data.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

packages=(g++ cmake ninja-build libxtensor-dev libxsimd-dev libtbb-dev libsimdjson-dev libyaml-cpp-dev libpcre2-dev
          libutf8proc-dev libcli11-dev)
missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "Installing: ${missing[*]}"
    root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    "${root[@]}" apt-get -qq update
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

# A build folder that exists keeps its options, so that nothing is rebuilt that need not be.
if [ ! -f build/CMakeCache.txt ]; then
    cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DAWQ_WERROR=ON -DAWQ_BUILD_TESTS=OFF
fi
cmake --build build --target awq --parallel "$(nproc)"

# ---- the job -------------------------------------------------------------------------------------
build/bin/awq oneshot --model examples/data/tiny-llama --dataset examples/data/calibration.txt \
    --output build/tiny-llama-smoothed --smoothing-only --overwrite --report build/tiny-llama-smoothed.json
