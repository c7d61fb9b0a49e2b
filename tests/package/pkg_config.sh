#!/bin/bash
# SPDX-License-Identifier: MIT
# pkg_config.sh PREFIX COMPILER: builds and runs one program a tier with what pkg-config says of the installation.
set -euo pipefail
prefix=$1 compiler=$2 here=$(cd "$(dirname "$0")" && pwd)
export PKG_CONFIG_PATH=$prefix/share/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build() { # build TIER SOURCE
    "$compiler" -std=c++20 "$2" -o "$work/$1" $(pkg-config --cflags --libs "awq-$1")
    "$work/$1"
    echo "awq-$1 $(pkg-config --modversion "awq-$1"): built and run"
}
build core "$here/core_consumer.cpp"
build hosted "$here/hosted_consumer.cpp"
build awq "$here/consumer.cpp"
