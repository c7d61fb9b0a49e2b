#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What llama.cpp makes of the GGUF file of each architecture, measured on small checkpoints.

    gguf.py --facts FOLDER --models FOLDER --work FOLDER [--awq PROGRAM] [--json FILE] [NAME ...]

FOLDER of --models holds checkpoints as make_models.py (of --facts) writes them with F32=1. LLAMA_CPP_LIBRARIES
names llama.cpp's libraries (see tests/golden/gguf_llama_cpp.py). Needs numpy; for longrope torch and
transformers. Names: none means all. For each checkpoint:

    llama.cpp  its logits of `export --type f32` against those of transformers, largest difference over
               largest value; "to N": of the first N tokens, as llama.cpp has no windows for it
    read       KL divergence of `eval --model FILE.gguf --reference CHECKPOINT`
    q8_0       KL divergence of llama.cpp's logits of that type, which rounds activations to 8 bits too
    q4_k_m     the same of that type
"""
import argparse
import json
import os
import subprocess
import sys

import numpy as np

COLUMNS = ("llama.cpp", "read", "q8_0", "q4_k_m")
HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = """
import json, sys, numpy
sys.path.insert(0, sys.argv[1])
import gguf_llama_cpp as llama
model = llama.Model(llama.Library(), sys.argv[2], context=256)
numpy.save(sys.argv[4], model.logits(json.load(open(sys.argv[3]))))
"""


def logits_of(path, ids, work):
    """llama.cpp's logits, by a process of its own: a file that it does not like may end it."""
    target, given = os.path.join(work, "theirs.npy"), os.path.join(work, "ids.json")
    with open(given, "w", encoding="ascii") as out:
        json.dump(ids, out)
    golden = os.path.join(HERE, "..", "..", "tests", "golden")
    done = subprocess.run([sys.executable, "-c", LIBRARY, golden, path, given, target], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("llama.cpp: " + (done.stderr.strip().splitlines() or ["no message"])[-1])
    return np.load(target)


def log_softmax(x):
    x = x.astype(np.float64) - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def divergence(wanted, found):
    a, b = log_softmax(wanted), log_softmax(found)
    return max(0.0, float((np.exp(a) * (a - b)).sum(-1).mean()))


def config_of(directory):
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        return json.load(file)


def text_config(directory):
    config = config_of(directory)
    return config.get("text_config", config)


def golden(directory, facts):
    """Token ids and transformers' logits. With longrope of more tokens than the original length: below it
    llama.cpp takes the other factors only where its whole context is as short."""
    with open(os.path.join(directory, "reference.json"), encoding="utf-8") as file:
        ids = json.load(file)["ids"]
    if (text_config(directory).get("rope_parameters") or {}).get("rope_type") != "longrope":
        return ids, np.load(os.path.join(directory, "reference.npz"))["logits"]
    sys.path.insert(0, facts)
    import torch
    import transformers
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32,
                                                              attn_implementation="eager")
    ids = ids + ids
    with torch.no_grad():
        return ids, model(torch.tensor([ids])).logits[0].numpy()


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("awq: ")]
    if done.returncode != 0:
        raise RuntimeError((lines or ["no message"])[-1])
    return lines


def measure(options, name):
    directory = os.path.join(options.models, name)
    row = {"class": config_of(directory)["architectures"][0]}
    try:
        path = os.path.join(options.work, name + ".gguf")
        notes = run(options.awq, "export", "--model", directory, "--output", path, "--type", "f32", "--overwrite")
        ids, wanted = golden(directory, options.facts)
        rows = len(ids)
        for key in ("sliding_window", "attention_chunk_size"):
            if any("warning: " + key in line for line in notes):
                rows = min(rows, text_config(directory)[key])
        found = logits_of(path, ids, options.work)[:rows, :wanted.shape[1]]
        error = "%.1e" % float(np.abs(found - wanted[:rows]).max() / np.abs(wanted[:rows]).max())
        row["llama.cpp"] = error + (" to %d" % rows if rows < len(ids) else "")
        report = os.path.join(options.work, "eval.json")
        data = os.path.join(options.work, "ids.jsonl")
        with open(data, "w", encoding="ascii") as out:
            out.write(json.dumps({"input_ids": ids[:rows]}) + "\n")
        run(options.awq, "eval", "--model", path, "--reference", directory, "--dataset", data, "--report", report,
            "--overwrite")
        with open(report, encoding="utf-8") as file:
            row["read"] = "%.1e" % abs(json.load(file)["kl_divergence"])
        for kind in ("q8_0", "q4_k_m"):
            run(options.awq, "export", "--model", directory, "--output", path, "--type", kind, "--overwrite")
            found = logits_of(path, ids, options.work)[:rows, :wanted.shape[1]]
            row[kind] = "%.1e" % divergence(wanted[:rows], found)
        os.remove(path)
    except Exception as error:  # a cell of the table
        text = str(error).replace("awq: ", "").replace(directory + "/", "").replace("config: ", "")
        row.setdefault("llama.cpp", "no: " + text[:160])
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--facts", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--awq", default="build/bin/awq")
    parser.add_argument("--json")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if "LLAMA_CPP_LIBRARIES" not in os.environ:
        print("skipped: LLAMA_CPP_LIBRARIES does not name llama.cpp's libraries")
        return
    os.makedirs(options.work, exist_ok=True)
    rows = {}
    for name in options.names or sorted(os.listdir(options.models)):
        rows[name] = measure(options, name)
        print(name, *(rows[name].get(column, "-") for column in COLUMNS), sep="  ", flush=True)
        if options.json:
            with open(options.json, "w", encoding="ascii") as out:
                json.dump(rows, out, indent=1)


if __name__ == "__main__":
    main()
