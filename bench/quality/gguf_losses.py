#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a GGUF file cannot hold is said: configs that change the function, by our forward pass and llama.cpp's.

    LLAMA_CPP_LIBRARIES=DIR python bench/quality/gguf_losses.py --awq build/bin/awq --logits build/bin/bench_logits
        --model examples/data/tiny-llama --output WORKDIR [--length 96]

Each row changes config.json of a copy of the model and exports it as float32. Printed are the mean divergences
KL(checkpoint || file) of our forward pass and KL(file || llama.cpp), and what the export said. Ends with code 1 if the file
is another function than the checkpoint without a warning, or llama.cpp computes another one than we read from the file.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden"))
import gguf_llama_cpp as llama  # noqa: E402

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}
MISTRAL = {"architectures": ["MistralForCausalLM"], "model_type": "mistral"}
ROWS = {
    "as it is": {},
    "mistral, window 16": {**MISTRAL, "sliding_window": 16},
    "mistral, no window": {**MISTRAL, "sliding_window": None},
    "linear": {"rope": {"rope_type": "linear", "factor": 4.0}},
    "dynamic": {"rope": {"rope_type": "dynamic", "factor": 4.0}, "max_position_embeddings": 64},
    "llama3": {"rope": LLAMA3},
    "yarn": {"rope": YARN},
    "yarn, attention_factor": {"rope": {**YARN, "attention_factor": 1.3}},
    "yarn, mscale": {"rope": {**YARN, "mscale": 0.7, "mscale_all_dim": 1.0}},
    "yarn, beta_slow": {"rope": {**YARN, "beta_slow": 0.5}},
    "yarn, truncate": {"rope": {**YARN, "truncate": False}},
}


def make(source, target, change):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    path = os.path.join(target, "config.json")
    config = json.load(open(path))
    change = dict(change)
    if "rope" in change:
        config["rope_parameters"] = {"rope_theta": 10000.0, **change.pop("rope")}
    config.update(change)
    json.dump(config, open(path, "w"), indent=2)


def ours(options, windows, model):
    target = os.path.join(options.output, "logits.f32")
    if os.path.exists(target):
        os.remove(target)
    subprocess.run([options.logits, windows, model, target], check=True, stdout=subprocess.DEVNULL)
    return np.fromfile(target, np.float32)


def divergence(a, b, vocabulary):
    a, b = (llama.log_softmax(x.reshape(-1, vocabulary)) for x in (a, b))
    return float((np.exp(a) * (a - b)).sum(-1).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for flag in ("--awq", "--logits", "--model", "--output"):
        parser.add_argument(flag, required=True)
    parser.add_argument("--length", type=int, default=96)
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    vocabulary = json.load(open(os.path.join(options.model, "config.json")))["vocab_size"]
    ids = np.random.default_rng(7).integers(1, vocabulary, (3, options.length)).tolist()
    windows = os.path.join(options.output, "windows.jsonl")
    open(windows, "w").write("".join(json.dumps({"input_ids": each}) + "\n" for each in ids))
    library, failed = llama.Library(), False
    for name, change in ROWS.items():
        model, file = (os.path.join(options.output, part) for part in ("model", "model.gguf"))
        make(options.model, model, change)
        command = [options.awq, "export", "--model", model, "--output", file, "--type", "f32", "--overwrite"]
        done = subprocess.run(command, capture_output=True, text=True)
        said = [line for line in done.stderr.splitlines() if line.startswith("awq: ")]
        if done.returncode:
            print(f"{name:24s} refused: {said[-1]}")
            continue
        read = ours(options, windows, file)
        loss = divergence(ours(options, windows, model), read, vocabulary)
        peer = llama.Model(library, file, options.length)
        theirs = divergence(read, np.concatenate([peer.logits(each) for each in ids]), vocabulary)
        peer.close()
        warned = any("warning" in line for line in said)
        failed |= (loss > 1e-9 and not warned) or theirs > 1e-9
        print(f"{name:24s} checkpoint|file {loss:.2e}  file|llama.cpp {theirs:.2e}  {' '.join(said)}")
    sys.exit(failed)


main()
