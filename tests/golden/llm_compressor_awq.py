# SPDX-License-Identifier: MIT
"""Golden values of the scale search from the real llm-compressor.

    python tests/golden/llm_compressor_awq.py --model DIR --text FILE

runs AWQModifier, followed by QuantizationModifier as it asks for, on the model in float32 with fixed
token ids, and writes beside this script

    calibration_ids.jsonl      the windows, one {"input_ids": [...]} per line (kept when it exists)
    llm_compressor_tiny.json   per case and mapping: every candidate's loss, the winner, its scales

Order is fixed: batches of one window in file order, no shuffling. Every case runs in a process of
its own, so that the peak of its memory is its own. llm-compressor is not changed: its methods are
wrapped to record what goes in and out. What counts as the winner is its rule: the first candidate
whose loss is strictly smaller.
"""

import argparse
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import oracle  # noqa: E402


def weights(bits, symmetric, group_size):
    """The weight arguments of an integer scheme; group size 0 means one scale per output channel."""
    if group_size:
        form = {"strategy": "group", "group_size": group_size}
    else:
        form = {"strategy": "channel"}
    return {"num_bits": bits, "type": "int", "symmetric": symmetric, "dynamic": False, **form}


# name -> (bits, symmetric, group size, duo_scaling, whether the scales are kept)
CASES = {
    "w4a16_asym_g128_duo_true": (4, False, 128, True, True),
    "w4a16_asym_g128_duo_false": (4, False, 128, False, True),
    "w4a16_asym_g128_duo_both": (4, False, 128, "both", True),
    "w4a16_g128_duo_true": (4, True, 128, True, False),
    "w4a16_asym_channel_duo_true": (4, False, 0, True, False),
    "w3a16_asym_g128_duo_true": (3, False, 128, True, False),
    "w4a16_asym_g32_duo_true": (4, False, 32, True, False),
}


class recorder:
    """Wraps the modifier's search and keeps, per mapping, what it tried and what it chose."""

    def __init__(self, modifier_class, with_scales):
        self.mappings, self.with_scales = [], with_scales
        self.losses, self.statistics, self.duo = [], {}, modifier_class
        search, loss, means = (
            modifier_class._compute_best_scale,
            modifier_class._compute_loss,
            modifier_class._compute_layer_means,
        )

        def wrapped_loss(modifier, *args):
            self.losses.append(loss(modifier, *args))
            return self.losses[-1]

        def wrapped_means(layers):
            self.w_mean = means(layers)
            return self.w_mean

        def wrapped_search(modifier, mapping, outputs, originals):
            self.losses, self.w_mean = [], None
            total, count = modifier._smooth_activation_stats[mapping.smooth_name]
            scales = search(modifier, mapping, outputs, originals)
            self._keep(modifier, mapping, scales, total / count, int(count))
            return scales

        modifier_class._compute_best_scale = wrapped_search
        modifier_class._compute_loss = wrapped_loss
        modifier_class._compute_layer_means = staticmethod(wrapped_means)

    def _keep(self, modifier, mapping, scales, x_mean, tokens):
        grid = modifier._get_grid_search_params()
        best = min(range(len(grid)), key=lambda i: self.losses[i])
        found = {
            "layer": layer_of(mapping.smooth_name),
            "smooth_layer": mapping.smooth_name,
            "balance_layers": list(mapping.balance_names),
            "parent": mapping.parent_name,
            "tokens": tokens,
            "initial_error": oracle.short(self.losses[0]),
            "best_error": oracle.short(self.losses[best]),
            "best_ratio": grid[best][0],
            "duo_scaling": grid[best][1],
            "candidates": [[r, int(d), oracle.short(e)] for (r, d), e in zip(grid, self.losses)],
        }
        if self.with_scales:
            found["scales"] = oracle.shorts(scales)
            found["scales_dtype"] = str(scales.dtype).removeprefix("torch.")
            if modifier.duo_scaling is True:
                found["x_mean"] = oracle.shorts(x_mean)
                found["w_mean"] = oracle.shorts(self.w_mean)
        self.mappings.append(found)


def layer_of(name):
    """The decoder block's number in a dotted module name."""
    return int(name.split(".layers.")[1].split(".")[0])


def digests(model):
    """Per parameter: hash of the float32 bytes, sum, and sum of squares (in float64)."""
    found = {}
    for name, value in model.named_parameters():
        if name.endswith(("proj.weight", "layernorm.weight")):
            wide = value.detach().double()
            found[name] = [
                oracle.fnv1a(oracle.tensor_bytes(value)),
                float(wide.sum()),
                float((wide * wide).sum()),
            ]
    return found


def run_case(name, model_dir, windows):
    """One case in this process; returns what is written to the golden file."""
    import torch
    from transformers import AutoModelForCausalLM

    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from llmcompressor.modifiers.transform.awq import AWQModifier

    torch.set_num_threads(2)
    oracle.without_accelerator()
    bits, symmetric, group_size, duo, with_scales = CASES[name]
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    record = recorder(AWQModifier, with_scales)
    quantize = QuantizationModifier(
        config_groups={
            "group_0": {"targets": ["Linear"], "weights": weights(bits, symmetric, group_size)}
        },
        ignore=["lm_head"],
    )
    before, began = oracle.rss_bytes(), time.perf_counter()
    oneshot(
        model=model,
        recipe=[AWQModifier(duo_scaling=duo), quantize],
        dataset=oracle.loader(windows),
        num_calibration_samples=len(windows),
    )
    return {
        "bits": bits,
        "symmetric": symmetric,
        "group_size": group_size,
        "duo_scaling": duo,
        "n_grid": 20,
        "seconds": round(time.perf_counter() - began, 2),
        "rss_before_bytes": before,
        "peak_rss_bytes": oracle.peak_rss_bytes(),
        "mappings": record.mappings,
        "smoothed": digests(model) if with_scales else {},
    }


def run_apart(name, options):
    """One case in a process of its own."""
    command = [sys.executable, os.path.abspath(__file__), "--case", name, "--model", options.model]
    command += ["--ids", options.ids]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.decode().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--text")
    parser.add_argument("--ids", default=os.path.join(HERE, "calibration_ids.jsonl"))
    parser.add_argument("--output", default=os.path.join(HERE, "llm_compressor_tiny.json"))
    parser.add_argument("--windows", type=int, default=32)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    parser.add_argument("--case", help="run this one here and print it; used by the script itself")
    options = parser.parse_args()
    if options.case:
        print("\n" + json.dumps(run_case(options.case, options.model, oracle.read_windows(options.ids))))
        return
    if not os.path.exists(options.ids):
        oracle.write_windows(
            options.model, options.text, options.ids, options.windows, options.length
        )
    golden = {"versions": oracle.versions(), "cases": {}}
    if os.path.exists(options.output):
        with open(options.output) as file:
            golden["cases"] = json.load(file)["cases"]
    for name in options.only:
        golden["cases"][name] = run_apart(name, options)
        with open(options.output, "w") as file:
            write(golden, file)


def write(golden, file):
    """JSON with one mapping a line, so that a change of one shows as one."""
    file.write('{"versions":' + json.dumps(golden["versions"]) + ',\n"cases":{\n')
    cases = []
    for name, case in golden["cases"].items():
        head = {k: v for k, v in case.items() if k not in ("mappings", "smoothed")}
        lines = [json.dumps(m, separators=(",", ":")) for m in case["mappings"]]
        text = json.dumps(name) + ":" + json.dumps(head)[:-1] + ',\n"mappings":[\n'
        text += ",\n".join(lines) + '],\n"smoothed":' + json.dumps(case["smoothed"]) + "}"
        cases.append(text)
    file.write(",\n".join(cases) + "}}\n")


if __name__ == "__main__":
    main()
