# SPDX-License-Identifier: MIT
"""Reads our AWQ directory with the peers' own code, and keeps what they read.

    python tests/golden/load_autoawq.py --autoawq DIR --awq DIR --compressed-tensors DIR [--gptq DIR]

--autoawq is an unpacked source distribution of the package autoawq (0.2.9; its module of packing
functions is all that is used). --awq is the tiny model rounded to W4A16_ASYM, 128 columns a group, in
AutoAWQ's layout, --compressed-tensors the same in that format; both are ours. Writes
autoawq_weights.json beside this script: per layer the FNV-1a-64 of AutoAWQ's dequantized weight,
turned to (outputs, inputs), as float32. Checks that compressed-tensors' converter makes the codes and
zero points of the second directory out of the first, and the same scales. With --gptq, saves there what
AutoAWQ's repacking for GPTQ kernels makes of it.
"""

import argparse
import importlib.util
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import oracle  # noqa: E402


def packing(directory):
    """AutoAWQ's module of packing functions, without the rest of the package."""
    path = os.path.join(directory, "awq", "utils", "packing_utils.py")
    spec = importlib.util.spec_from_file_location("packing_utils", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def weights(tensors, autoawq, group_size):
    """layer -> hash of its float32 weight."""
    found = {}
    for name in sorted(tensors):
        if name.endswith(".qweight"):
            layer = name[: -len(".qweight")]
            part = [tensors[f"{layer}.{key}"] for key in ("qweight", "qzeros", "scales")]
            weight = autoawq.dequantize_gemm(*part, 4, group_size).T
            found[layer] = oracle.fnv1a(weight.float().contiguous().numpy().tobytes())
    return found


def check_converter(tensors, expected, group_size):
    """compressed-tensors' own conversion must give our other directory."""
    import torch
    from compressed_tensors.entrypoints.convert.converters.autoawq import AutoAWQConverter

    converter = AutoAWQConverter(bits=4, group_size=group_size)
    made = converter.process(dict(tensors))
    compared = 0
    for name, ours in expected.items():
        same = torch.equal(made[name].to(ours.dtype), ours)
        assert same, name
        compared += 1
    print(f"{compared} tensors of {len(made)} are those of compressed-tensors' converter")


def save_gptq(tensors, autoawq, source, target):
    """The model in GPTQ's layout, packed by AutoAWQ."""
    import torch
    from safetensors.torch import save_file

    os.makedirs(target, exist_ok=True)
    made = {k: v for k, v in tensors.items() if not k.endswith(("qweight", "qzeros"))}
    for name in tensors:
        if name.endswith(".qweight"):
            layer = name[: -len(".qweight")]
            packed = autoawq.unpack_reorder_pack(tensors[name], tensors[layer + ".qzeros"], 4)
            made[layer + ".qweight"], made[layer + ".qzeros"] = (p.contiguous() for p in packed)
            group = tensors[name].shape[0] // tensors[layer + ".scales"].shape[0]
            made[layer + ".g_idx"] = torch.arange(tensors[name].shape[0], dtype=torch.int32) // group
    save_file(made, os.path.join(target, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(source, "config.json")) as file:
        config = json.load(file)
    old = config["quantization_config"]
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4, "sym": False, "desc_act": False,
                                     "group_size": old["group_size"], "checkpoint_format": "gptq"}
    with open(os.path.join(target, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
    shutil.copy(os.path.join(source, "tokenizer.json"), target)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--autoawq", "--awq", "--compressed-tensors"):
        parser.add_argument(name, required=True)
    parser.add_argument("--gptq")
    parser.add_argument("--output", default=os.path.join(HERE, "autoawq_weights.json"))
    options = parser.parse_args()
    from safetensors.torch import load_file

    autoawq = packing(options.autoawq)
    tensors = load_file(os.path.join(options.awq, "model.safetensors"))
    expected = load_file(os.path.join(options.compressed_tensors, "model.safetensors"))
    with open(os.path.join(options.awq, "config.json")) as file:
        group_size = json.load(file)["quantization_config"]["group_size"]
    check_converter(tensors, expected, group_size)
    if options.gptq:
        save_gptq(tensors, autoawq, options.awq, options.gptq)
    with open(options.output, "w") as file:
        golden = {"autoawq": "0.2.9", "layers": weights(tensors, autoawq, group_size)}
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
