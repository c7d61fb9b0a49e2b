# SPDX-License-Identifier: MIT
"""Layers of a quantized checkpoint, unpacked by compressed-tensors itself, in the tensors of its model."""
import json
import os
import shutil

PARTS = ("packed", "scale", "shape", "zero_point")


def tensors_of(directory):
    from safetensors.torch import load_file
    found = {}
    for name in sorted(os.listdir(directory)):
        if name.endswith(".safetensors"):
            found.update(load_file(os.path.join(directory, name)))
    return found


def dense(directory):
    """All tensors of a checkpoint with one scheme; packed layers as their weights."""
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationScheme
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        group = json.load(file)["quantization_config"]["config_groups"]["group_0"]
    compressor = BaseCompressor.get_value_from_registry("pack-quantized")
    scheme = QuantizationScheme.model_validate(group)
    tensors = tensors_of(directory)
    for name in [each for each in tensors if each.endswith(".weight_packed")]:
        layer = name.removesuffix(".weight_packed")
        state = {"weight_" + part: tensors.pop(layer + ".weight_" + part) for part in PARTS
                 if layer + ".weight_" + part in tensors}
        tensors[layer + ".weight"] = compressor.decompress(state, scheme)["weight"]
    return tensors


def stack(name, like, tensors, in_turns):
    """The tensor of all experts that a checkpoint has, from those of each."""
    import torch
    place = name[:name.rindex(".experts.")] if ".experts." in name else name[:name.rindex(".", 0, name.rindex("put_"))]
    kind = "bias" if name.endswith("_bias") else "weight"
    is_down = "down_proj" in name or "output_linear" in name
    of = lambda layer, e: tensors["%s.experts.%d.%s.%s" % (place, e, layer, kind)]
    made = []
    for e in range(like.shape[0]):
        if is_down:
            made.append(of("down_proj", e))
            continue
        gate, up = of("gate_proj", e), of("up_proj", e)
        made.append(torch.stack([gate, up], 1).flatten(0, 1) if in_turns else torch.cat([gate, up]))
    whole = torch.stack(made)
    return whole if whole.shape == like.shape else whole.transpose(1, 2).contiguous()


def unpacked(checkpoint, quantized, target):
    """Writes the weights of `quantized` as a checkpoint like the one it was made from."""
    from safetensors.torch import save_file
    shutil.copytree(checkpoint, target, ignore=lambda _, names: [n for n in names if n.endswith(".safetensors")])
    with open(os.path.join(checkpoint, "config.json"), encoding="utf-8") as file:
        in_turns = json.load(file)["architectures"][0] == "GptOssForCausalLM"
    tensors = dense(quantized)
    made = {name: tensors[name] if name in tensors else stack(name, like, tensors, in_turns)
            for name, like in tensors_of(checkpoint).items()}
    save_file(made, os.path.join(target, "model.safetensors"), {"format": "pt"})
    return target
