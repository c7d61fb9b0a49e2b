#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""llama.cpp loads and runs every type that `awq` writes, and agrees with our own forward pass of the same file.

    LLAMA_CPP_LIBRARIES=DIR python bench/quality/gguf_logits.py --awq build/bin/awq --logits build/bin/bench_logits
        --model DIR --ids WINDOWS.jsonl --output WORKDIR [--types F32 Q4_K_M ...] [--windows 2] [--imatrix FILE]

Every type is written by `awq export`; files given with --file are compared too. Printed for each file: the largest and the
root mean square difference of logits, the mean divergence KL(ours || llama.cpp), and the share of equal most likely
tokens. llama.cpp rounds activations before products with quantized weights (8 bits), F16 and BF16 ones (16 bits), ours
does not. So every quantized file is run a second time after llama.cpp itself has dequantized it to float32, which takes
that rounding out ("as F32"). Ends with code 1 if a file does not load or a divergence is above the limit of its kind.
"""
import argparse
import ctypes
import json
import os
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden"))
import gguf_llama_cpp as llama  # noqa: E402

TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S",
         "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ4_NL"]
# Of the mean divergence. llama.cpp looks GELU up in a table of 16-bit values, whatever the file; we compute it.
LIMITS = {"F16": 1e-5, "BF16": 1e-3}
LIMIT_OF_QUANTIZED, LIMIT_AS_F32, LIMIT_OF_GELU = 1e-2, 1e-9, 1e-4


def compare(ours, theirs, at_once=64):
    largest, squares, kl = 0.0, 0.0, 0.0
    for i in range(0, len(ours), at_once):  # in float64 a large vocabulary's logits would need many GB
        mine, other = ours[i : i + at_once].astype(np.float64), theirs[i : i + at_once].astype(np.float64)
        difference = mine - other
        largest, squares = max(largest, np.abs(difference).max()), squares + (difference**2).sum()
        mine, other = llama.log_softmax(mine), llama.log_softmax(other)
        kl += (np.exp(mine) * (mine - other)).sum()
    return {
        "max_abs": float(largest),
        "rms": float(np.sqrt(squares / ours.size)),
        "kl": float(kl / len(ours)),
        "top1": float((ours.argmax(-1) == theirs.argmax(-1)).mean()),
    }


def run(library, path, windows, threads):
    """llama.cpp's logits, and the architecture that the file names."""
    model = llama.Model(library, path, max(64, max(map(len, windows))), threads)
    logits = np.concatenate([model.logits(ids) for ids in windows])
    name = ctypes.create_string_buffer(64)
    library.llama.llama_model_meta_val_str(ctypes.c_void_p(model.model), b"general.architecture", name, len(name))
    model.close()
    return logits, name.value.decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--awq", required=True, help="the driver")
    parser.add_argument("--logits", required=True, help="the program of bench/logits.cpp")
    parser.add_argument("--model", required=True)
    parser.add_argument("--ids", required=True, help="JSON lines with input_ids")
    parser.add_argument("--output", required=True, help="directory to work in")
    parser.add_argument("--libraries", help="directory of libllama; LLAMA_CPP_LIBRARIES by default")
    parser.add_argument("--types", nargs="*", default=TYPES)
    parser.add_argument("--file", nargs="*", default=[], help="more GGUF files")
    parser.add_argument("--imatrix", help="for `awq export`")
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    lines = open(options.ids).read().splitlines()[: options.windows]
    windows = [json.loads(line)["input_ids"] for line in lines]
    cut = os.path.join(options.output, "windows.jsonl")
    with open(cut, "w") as file:
        file.write("\n".join(lines) + "\n")
    library, failed = llama.Library(options.libraries), 0
    print("| file | bytes | max abs | rms | KL(ours, llama.cpp) | same top token | as F32: max abs | KL |")
    print("|---" * 8 + "|")
    for name in [*options.types, *options.file]:
        path, mine = name, os.path.join(options.output, "ours.f32")
        if name in options.types:
            path = os.path.join(options.output, f"{name}.gguf")
            command = [options.awq, "export", "--model", options.model, "--output", path, "--type", name.lower()]
            command += ["--imatrix", options.imatrix] if options.imatrix else []
            subprocess.run([*command, "--overwrite"], check=True, capture_output=True)
        if os.path.exists(mine):
            os.remove(mine)
        subprocess.run([options.logits, cut, path, mine], check=True, stdout=subprocess.DEVNULL)
        theirs, architecture = run(library, path, windows, options.threads)
        ours = np.fromfile(mine, dtype=np.float32).reshape(theirs.shape)
        wide = os.path.join(options.output, "wide.gguf")
        library.quantize(path, wide, "F32")
        found, exact = compare(ours, theirs), compare(ours, run(library, wide, windows, options.threads)[0])
        limit_as_f32 = LIMIT_OF_GELU if architecture.startswith("gemma") else LIMIT_AS_F32
        limit = limit_as_f32 if name == "F32" else LIMITS.get(name, LIMIT_OF_QUANTIZED)
        fine = found["kl"] <= max(limit, limit_as_f32) and exact["kl"] <= limit_as_f32
        failed += not fine
        print(f"| {os.path.basename(path)} | {os.path.getsize(path)} | {found['max_abs']:.3g} | {found['rms']:.3g} | "
              f"{found['kl']:.2e} | {100 * found['top1']:.1f} % | {exact['max_abs']:.2g} | {exact['kl']:.1e} |"
              f"{'' if fine else ' TOO FAR'}", flush=True)
        if name in options.types:
            os.remove(path)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
