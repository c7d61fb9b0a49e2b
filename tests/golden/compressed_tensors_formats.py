# SPDX-License-Identifier: MIT
"""Golden values of the compressed-tensors writers: what llm-compressor saves, tensor by tensor.

    python tests/golden/compressed_tensors_formats.py --model DIR --directories DIR

quantizes the model's given weights without calibration (QuantizationModifier alone), saves every
result as DIRECTORIES/<scheme>-<variant>/, and writes beside this script compressed_tensors_tiny.json:
per checkpoint the `quantization_config` and per tensor [dtype, shape, FNV-1a-64 of its bytes].

Variants: `bf16` and `fp32` are the model as it is, loaded in that dtype. `bf16p` and `fp32p` are
prepared first so that the mantissas are full and edge cases occur; the prepared weights are saved as
DIRECTORIES/source-<variant>/. With W the float32 weights of any linear layer, k its column:

    W[:, k] = W[:, k] * (61 + (37 k mod 61)) / 61          one product, then one division, in float32
    in model.layers.0.self_attn.q_proj then, with 128 columns a group:
    W[0, 0:128] = 0;  W[1, 0:128] = 0.5;  W[2, 0:128] = -0.25;  W[3, :] = 0

and `bf16p` is that rounded to bfloat16.
"""

import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import oracle  # noqa: E402


def integer(bits, symmetric, group_size):
    """An integer weight-only scheme; group size 0 means one scale per output channel."""
    form = {"strategy": "group", "group_size": group_size} if group_size else {"strategy": "channel"}
    weights = {"num_bits": bits, "type": "int", "symmetric": symmetric, "dynamic": False, **form}
    return {"config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}}


def preset(name):
    """A scheme that compressed-tensors knows by name."""
    return {"targets": "Linear", "scheme": name}


ALL = ["bf16", "fp32", "bf16p", "fp32p"]
EDGES = ["bf16p", "fp32p"]
SCHEMES = {
    "W4A16_ASYM": (preset("W4A16_ASYM"), ALL + ["fp16"]),
    "W4A16": (preset("W4A16"), ALL + ["fp16"]),
    "W8A16": (preset("W8A16"), ALL),
    "W3A16": (preset("W3A16"), ALL),
    "FP8_DYNAMIC": (preset("FP8_DYNAMIC"), ALL),
    "FP8_BLOCK": (preset("FP8_BLOCK"), ALL),
    "W8A8": (preset("W8A8"), ALL),
    "NVFP4A16": (preset("NVFP4A16"), ALL),
    "MXFP4A16": (preset("MXFP4A16"), ALL),
    "MXFP8A16": (preset("MXFP8A16"), ["bf16p"]),
    "W2A16": (preset("W2A16"), EDGES),
    "W5A16": (preset("W5A16"), ["bf16p"]),
    "W6A16": (preset("W6A16"), ["bf16p"]),
    "W7A16": (preset("W7A16"), ["bf16p"]),
    "W2A16_ASYM": (integer(2, False, 128), ["bf16p"]),
    "W3A16_ASYM": (integer(3, False, 128), EDGES),
    "W5A16_ASYM": (integer(5, False, 128), ["bf16p"]),
    "W8A16_ASYM": (integer(8, False, 128), EDGES),
    "W4A16_ASYM_g32": (integer(4, False, 32), EDGES),
    "W4A16_channel": (integer(4, True, 0), ["bf16p"]),
    "W4A16_ASYM_channel": (integer(4, False, 0), EDGES),
    "W8A16_channel": (integer(8, True, 0), ["bf16p"]),
}


def prepare(model):
    """The prepared weights of the page's head, in place, in float32."""
    import torch

    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and name != "lm_head":
                k = torch.arange(module.in_features)
                module.weight.copy_(module.weight * (61 + (37 * k) % 61).float() / 61.0)
        weight = model.model.layers[0].self_attn.q_proj.weight
        weight[0, :128], weight[1, :128], weight[2, :128], weight[3] = 0, 0.5, -0.25, 0


def load(model_dir, variant):
    """The model of a variant."""
    import torch
    from transformers import AutoModelForCausalLM

    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[variant[:4]]
    if not variant.endswith("p"):
        return AutoModelForCausalLM.from_pretrained(model_dir, dtype=dtype)
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    prepare(model)
    return model.to(dtype)


def stored(directory):
    """name -> [dtype, shape, hash] of every tensor, read from the file's own header and bytes."""
    path = os.path.join(directory, "model.safetensors")
    found = {}
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = file.read()
    for name in sorted(k for k in header if k != "__metadata__"):
        entry = header[name]
        begin, end = entry["data_offsets"]
        found[name] = [entry["dtype"], entry["shape"], oracle.fnv1a(data[begin:end])]
    return found


def run_cases(model_dir, directories, variant, schemes):
    """Saves the given schemes of one variant, all from one process; returns the golden entries."""
    import torch
    from transformers import AutoTokenizer

    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import QuantizationModifier

    torch.set_num_threads(2)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    if variant.endswith("p"):
        load(model_dir, variant).save_pretrained(os.path.join(directories, "source-" + variant))
        tokenizer.save_pretrained(os.path.join(directories, "source-" + variant))
    found = {}
    for name in schemes:
        model = load(model_dir, variant)
        oneshot(model=model, recipe=QuantizationModifier(ignore=["lm_head"], **SCHEMES[name][0]))
        directory = os.path.join(directories, f"{name}-{variant}")
        model.save_pretrained(directory, save_compressed=True)
        tokenizer.save_pretrained(directory)
        with open(os.path.join(directory, "config.json")) as file:
            config = json.load(file)["quantization_config"]
        found[f"{name}-{variant}"] = {"quantization_config": config, "tensors": stored(directory)}
    return found


def run_apart(variant, options):
    """All schemes of a variant in a process of its own."""
    command = [sys.executable, os.path.abspath(__file__), "--variant", variant]
    command += ["--model", options.model, "--directories", options.directories]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.decode().splitlines()[-1])


def write(golden, path):
    """JSON with one tensor of layer 0, or one other layer's hashes, a line."""
    with open(path, "w") as file:
        file.write('{"versions":' + json.dumps(golden["versions"]) + ',\n"checkpoints":{\n')
        parts = []
        for name, entry in golden["checkpoints"].items():
            text = json.dumps(name) + ':{"quantization_config":'
            text += json.dumps(entry["quantization_config"], separators=(",", ":"))
            text += ',\n"tensors":' + json.dumps(entry["tensors"], separators=(",", ":"))
            parts.append(text + "}")
        file.write(",\n".join(parts) + "}}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--directories", required=True)
    parser.add_argument("--output", default=os.path.join(HERE, "compressed_tensors_tiny.json"))
    parser.add_argument("--variant", help="run this one here and print it; used by the script itself")
    options = parser.parse_args()
    os.makedirs(options.directories, exist_ok=True)
    if options.variant:
        schemes = [name for name, (_, variants) in SCHEMES.items() if options.variant in variants]
        found = run_cases(options.model, options.directories, options.variant, schemes)
        print("\n" + json.dumps(found))
        return
    golden = {"versions": oracle.versions(), "checkpoints": {}}
    for variant in ALL + ["fp16"]:
        golden["checkpoints"].update(run_apart(variant, options))
    write(golden, options.output)


if __name__ == "__main__":
    main()
