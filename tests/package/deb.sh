#!/bin/bash
# SPDX-License-Identifier: MIT
# deb.sh BUILD DATA: makes the Debian package, looks at what it holds and needs, and runs the program out of it.
set -euo pipefail
build=$1 data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$1"; exit 1; }

cpack -G DEB --config "$build/CPackConfig.cmake" -B "$work/made" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
package=$(echo "$work"/made/*.deb)
for library in libc6 libtbb libsimdjson libyaml-cpp libpcre2-8 libutf8proc; do
    dpkg-deb -f "$package" Depends | grep -qF "$library" || fail "does not depend on $library"
done
dpkg-deb -x "$package" "$work/unpacked"
for file in bin/awq lib/awq/libawq-driver-baseline.so lib/libawq.so share/man/man1/awq.1.gz \
            share/doc/awq/copyright share/doc/awq/changelog.gz share/bash-completion/completions/awq \
            share/pkgconfig/awq-core.pc share/pkgconfig/awq-compiled.pc share/cmake/awq/awq-config.cmake \
            include/awq/core.hpp include/awq/hosted.hpp include/awq/awq.hpp; do
    [ -s "$work/unpacked/usr/$file" ] || fail "has no $file"
done

"$work/unpacked/usr/bin/awq" oneshot --model "$data/tiny-llama" --dataset "$data/calibration.txt" \
    --output "$work/smoothed" --smoothing-only --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 \
    >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
[ -s "$work/smoothed/model.safetensors" ] || fail "awq oneshot wrote nothing"
