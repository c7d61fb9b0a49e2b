#!/bin/sh
# SPDX-License-Identifier: MIT
# KL divergence after rounding, with llm-compressor's choice of mappings and with all that are exact.
#
#     bench/quality/mappings.sh AWQ WORK CALIBRATION HELDOUT MODEL...
#
# AWQ is the built driver, WORK a directory for outputs, the two texts as for `awq oneshot` and `awq eval`. One line for each model
# and scheme: smoothed, then rounded to nearest; and quantized with all of awq's steps.
set -eu
awq=$1 work=$2 calibration=$3 heldout=$4
shift 4
mkdir -p "$work"
samples=${SAMPLES:-64} length=${LENGTH:-256}

divergence() { # MODEL REFERENCE FLAGS...
    model=$1 reference=$2
    shift 2
    "$awq" eval --model "$model" --reference "$reference" --dataset "$heldout" --max-seq-length "$length" "$@" 2>/dev/null |
        awk '$1 == "kl_divergence" { print $2 }'
}

for model; do
    for scheme in W4A16_ASYM W3A16_ASYM; do
        for mappings in llm-compressor all; do
            set -- --model "$model" --dataset "$calibration" --scheme "$scheme" --mappings "$mappings" --overwrite \
                --num-calibration-samples "$samples" --max-seq-length "$length" --group-size "${GROUP:-64}"
            "$awq" oneshot "$@" --smoothing-only --output "$work/smoothed" >/dev/null 2>&1
            "$awq" oneshot "$@" --output "$work/quantized" >/dev/null 2>&1
            echo "$(basename "$model") $scheme $mappings" \
                "smoothed $(divergence "$work/smoothed" "$model" --pseudo-quantize "$scheme" --group-size "${GROUP:-64}")" \
                "quantized $(divergence "$work/quantized" "$model")"
        done
    done
done
