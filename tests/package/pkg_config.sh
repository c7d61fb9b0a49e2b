#!/bin/bash
# SPDX-License-Identifier: MIT
# pkg_config.sh PREFIX COMPILER FOLDER ARGUMENTS...: builds and runs one program a tier with what pkg-config says of the
# installation. The compiled library must be taken from FOLDER, and its program is given the ARGUMENTS.
set -euo pipefail
prefix=$1 compiler=$2 folder=$3 here=$(cd "$(dirname "$0")" && pwd)
export PKG_CONFIG_PATH=$prefix/share/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build() { # build TIER SOURCE [ARGUMENTS...]
    "$compiler" -std=c++20 "$2" -o "$work/$1" $(pkg-config --cflags --libs "awq-$1")
    (cd "$work" && "./$1" "${@:3}")
    echo "awq-$1 $(pkg-config --modversion "awq-$1"): built and run"
}
build core "$here/core_consumer.cpp"
build hosted "$here/hosted_consumer.cpp"
build awq "$here/consumer.cpp"
if pkg-config --exists awq-compiled; then
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir awq-compiled)
    export LD_LIBRARY_PATH
    build compiled "$here/../../examples/snippets/model_directory.cpp" "${@:4}"
    ldd "$work/compiled" | grep -F "/$folder/libawq.so" || { echo "libawq.so is not taken from $folder"; exit 1; }
fi
