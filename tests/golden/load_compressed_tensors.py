# SPDX-License-Identifier: MIT
"""Loads quantized directories through transformers and compressed-tensors, and keeps their logits.

    python tests/golden/load_compressed_tensors.py NAME=DIR...

The directories are ours. Each is loaded as any user would, decompressed, widened to float32, and run on
the first 48 of the first calibration sample's ids. Writes compressed_tensors_logits.json beside this
script: the ids, and per name every 61st logit of the last position. Names that are not given keep
theirs. Activations are not rounded, also in formats whose servers do that; how far rounding them moves
the logits is printed.
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import oracle  # noqa: E402

STEP = 61


def last_logits(model, ids, rounds_activations):
    """The logits of the last position."""
    import torch

    for module in model.modules():
        if hasattr(module, "quantization_scheme"):
            module.quantization_enabled = rounds_activations
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -1]


def logits_of(directory, ids):
    """Every STEP-th logit of the last position."""
    from transformers import AutoModelForCausalLM
    from transformers.utils.quantization_config import CompressedTensorsConfig

    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype="auto", quantization_config=CompressedTensorsConfig(run_compressed=False))
    model = model.float().eval()
    logits, rounded = (last_logits(model, ids, rounds) for rounds in (False, True))
    print(f"{directory}: rounding activations moves logits by {(logits - rounded).abs().max():.4g}")
    return [float(f"{v:.9g}") for v in logits[::STEP].tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directories", nargs="+", metavar="NAME=DIR")
    parser.add_argument("--output", default=os.path.join(HERE, "compressed_tensors_logits.json"))
    options = parser.parse_args()
    with open(os.path.join(HERE, "calibration_ids.jsonl")) as file:
        ids = json.loads(file.readline())["input_ids"][:48]
    golden = {"versions": oracle.versions(), "ids": ids, "step": STEP, "logits": {}}
    if os.path.exists(options.output):
        with open(options.output) as file:
            golden["logits"] = json.load(file)["logits"]
    for pair in options.directories:
        name, directory = pair.split("=", 1)
        golden["logits"][name] = logits_of(directory, ids)
    with open(options.output, "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
