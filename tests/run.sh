#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing (Debian 12), builds everything into build/ and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

packages=(g++ cmake ninja-build python3 pkg-config libxtensor-dev libxsimd-dev libtbb-dev libsimdjson-dev libyaml-cpp-dev
          libpcre2-dev libutf8proc-dev libcli11-dev libopenblas-dev libbenchmark-dev catch2
          clang-format-14 doxygen dpkg-dev file g++-aarch64-linux-gnu g++-riscv64-linux-gnu qemu-user
          clang-16 libc++-16-dev libc++abi-16-dev g++-mingw-w64-x86-64-posix)
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

generator=()
[ -f build/CMakeCache.txt ] || generator=(-G Ninja)
cmake -S . -B build "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DAWQ_WERROR=ON -DAWQ_BUILD_TESTS=ON \
      -DAWQ_BUILD_BENCH=OFF -DAWQ_WITH_OPENBLAS=ON
cmake --build build --parallel "$(nproc)"
ctest --test-dir build --output-on-failure --parallel "$(nproc)"
