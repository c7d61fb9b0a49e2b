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
cmake --build build --target awq example_03_check_smoothed_model --parallel "$(nproc)"

# ---- the job -------------------------------------------------------------------------------------
original=examples/data/tiny-llama
smoothed=build/tiny-llama-smoothed
text=examples/data/heldout.txt # not used for calibration

rm -f build/tiny-llama-smoothed.json
build/bin/awq oneshot --model $original --dataset examples/data/calibration.txt \
    --output $smoothed --smoothing-only --overwrite --report build/tiny-llama-smoothed.json

# divergence FLAGS...: the KL divergence from the original model, by awq eval.
divergence() {
    build/bin/awq eval --dataset $text --reference $original --max-seq-length 256 "$@" 2>build/eval.log |
        sed -n 's/^kl_divergence *//p' || { cat build/eval.log >&2; return 1; }
}

echo
echo "KL divergence from the original on $text:"
rounding=$(divergence --model $smoothed)
printf '  smoothed, 16 bits              %.2e\n' "$rounding"
before=$(divergence --model $original --pseudo-quantize W4A16_ASYM)
after=$(divergence --model $smoothed --pseudo-quantize W4A16_ASYM)
printf '  rounded to 4 bits, unsmoothed  %.4f\n' "$before"
printf '  rounded to 4 bits, smoothed    %.4f\n' "$after"
echo
build/examples/03_check_smoothed_model $original $smoothed
