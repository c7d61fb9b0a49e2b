# SPDX-License-Identifier: MIT
"""Makes the peers' models for the quality table, dense, so that one evaluator reads them all.

    python bench/quality/peers.py --model DIR --ids FILE.jsonl --output DIR
        [--methods rtn awq gptq awq_gptq] [--schemes w4_g128 w4_g32 w3_g128 w4_channel]

For every method and scheme the real llm-compressor quantizes the model's linear layers (lm_head apart)
in float32 from the windows of --ids, batch size 1, in file order; the quantized weights are then
written as the float32 values that they stand for, into OUTPUT/<method>_<scheme>/, a plain model
directory, with peer.json beside it: wall and processor seconds, peak memory, settings, versions.

rtn is round to nearest (QuantizationModifier alone), awq is [AWQModifier, QuantizationModifier], gptq
is GPTQModifier with its own defaults (static activation order, damping 0.01), awq_gptq is
[AWQModifier, GPTQModifier]. `smooth` stops after AWQ's smoothing: the weights are not rounded. All
schemes are asymmetric.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

SCHEMES = {
    "w4_g128": (4, 128),
    "w4_g32": (4, 32),
    "w3_g128": (3, 128),
    "w3_g64": (3, 64),
    "w3_g32": (3, 32),
    "w4_channel": (4, 0),
}
METHODS = ["rtn", "awq", "gptq", "awq_gptq", "smooth"]


def config_groups(bits, group_size):
    """llm-compressor's scheme argument; group size 0 means one scale per output channel."""
    form = {"strategy": "group", "group_size": group_size} if group_size else {"strategy": "channel"}
    weights = {"num_bits": bits, "type": "int", "symmetric": False, "dynamic": False, **form}
    return {"group_0": {"targets": ["Linear"], "weights": weights}}


def recipe(method, bits, group_size, duo):
    """The modifiers of a method, in order."""
    from llmcompressor.modifiers.gptq import GPTQModifier
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from llmcompressor.modifiers.transform.awq import AWQModifier

    form = {"config_groups": config_groups(bits, group_size), "ignore": ["lm_head"]}
    smoothing = [AWQModifier(duo_scaling=duo)] if "awq" in method or method == "smooth" else []
    if "gptq" in method:
        return smoothing + [GPTQModifier(batched_quantization=None, **form)]
    return smoothing + [QuantizationModifier(**form)]


def loader(path, samples):
    """The windows of --ids one by one, in file order."""
    import torch

    with open(path) as file:
        rows = [json.loads(line)["input_ids"] for line in file if line.strip()][:samples]

    def collate(batch):
        return {
            "input_ids": torch.tensor(batch),
            "attention_mask": torch.ones(1, len(batch[0]), dtype=torch.long),
        }

    return torch.utils.data.DataLoader(rows, batch_size=1, shuffle=False, collate_fn=collate)


def without_accelerator():
    """llm-compressor 0.14 pins cached arguments for an accelerator and fails where there is none."""
    import torch
    from llmcompressor.pipelines.cache import IntermediatesCache

    if not torch.accelerator.is_available():
        IntermediatesCache.pin_memory = lambda self, batch_index: None


def dequantize(model):
    """Every quantized weight becomes the value that its codes stand for."""
    import torch
    from compressed_tensors.quantization import forward_quantize

    with torch.no_grad():
        for module in model.modules():
            scheme = getattr(module, "quantization_scheme", None)
            if scheme is not None and scheme.weights is not None:
                module.weight.copy_(forward_quantize(module, module.weight, "weight", scheme.weights))


def save_dense(model, source, directory):
    """Writes the model's weights as a plain float32 directory."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plain = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    values = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(values[name])
    plain.save_pretrained(directory)
    AutoTokenizer.from_pretrained(source).save_pretrained(directory)


def make(options, method, scheme):
    """One model of one method, in this process."""
    import torch
    from transformers import AutoModelForCausalLM

    from llmcompressor import oneshot

    torch.set_num_threads(options.threads)
    without_accelerator()
    bits, group_size = SCHEMES[scheme]
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    duo = {"true": True, "false": False, "both": "both"}[options.duo_scaling]
    data = {} if method == "rtn" else {"dataset": loader(options.ids, options.samples)}
    samples = len(data["dataset"]) if data else 0
    if data:
        data["num_calibration_samples"] = samples
    began, busy = time.perf_counter(), time.process_time()
    oneshot(model=model, recipe=recipe(method, bits, group_size, duo), **data)
    seconds = (time.perf_counter() - began, time.process_time() - busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if method != "smooth":
        dequantize(model)
    directory = os.path.join(options.output, f"{method}_{scheme}")
    save_dense(model, options.model, directory)
    record(directory, options, method, scheme, samples, seconds, peak)


def record(directory, options, method, scheme, samples, seconds, peak):
    """peer.json: how the model was made."""
    from importlib.metadata import version

    names = ["llmcompressor", "compressed-tensors", "transformers", "torch"]
    entry = {
        "method": method,
        "scheme": scheme,
        "duo_scaling": options.duo_scaling,
        "samples": samples,
        "threads": options.threads,
        "seconds": round(seconds[0], 1),
        "processor_seconds": round(seconds[1], 1),
        "peak_rss_bytes": peak,
        "versions": {name: version(name) for name in names},
    }
    with open(os.path.join(directory, "peer.json"), "w") as file:
        json.dump(entry, file, indent=1)
    print(json.dumps(entry), flush=True)


def write_ids(options):
    """Cuts --text into the windows of --ids, when that file does not exist yet."""
    from transformers import AutoTokenizer

    with open(options.text, encoding="utf-8", newline="") as file:
        text = file.read()
    ids = AutoTokenizer.from_pretrained(options.model)(text, add_special_tokens=False)["input_ids"]
    length = options.max_seq_length
    count = min(options.samples or len(ids), len(ids) // length)
    with open(options.ids, "w") as file:
        for i in range(count):
            line = {"input_ids": ids[i * length : (i + 1) * length]}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--ids", required=True, help="JSON lines with input_ids")
    parser.add_argument("--text", help="makes --ids from this text when it does not exist")
    parser.add_argument("--max-seq-length", type=int, default=512, help="of windows made from --text")
    parser.add_argument("--output", required=True)
    parser.add_argument("--methods", nargs="+", default=METHODS[:-1], choices=METHODS)
    parser.add_argument("--schemes", nargs="+", default=["w4_g128", "w4_g32", "w3_g128", "w4_channel"])
    parser.add_argument("--duo-scaling", default="true", choices=["true", "false", "both"])
    parser.add_argument("--samples", type=int, default=None, help="the first so many windows")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--here", action="store_true", help="in this process; used by the script itself")
    options = parser.parse_args()
    if options.here:
        make(options, options.methods[0], options.schemes[0])
        return
    if options.text and not os.path.exists(options.ids):
        write_ids(options)
    for scheme in options.schemes:
        for method in options.methods:
            if os.path.exists(os.path.join(options.output, f"{method}_{scheme}", "peer.json")):
                continue
            command = [sys.executable, os.path.abspath(__file__), "--here", "--methods", method]
            command += ["--schemes", scheme, "--model", options.model, "--ids", options.ids]
            command += ["--output", options.output, "--duo-scaling", options.duo_scaling]
            command += ["--threads", str(options.threads)]
            command += ["--samples", str(options.samples)] if options.samples else []
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
