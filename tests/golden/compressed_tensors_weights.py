# SPDX-License-Identifier: MIT
"""Golden values of the readers: every checkpoint's weights as compressed-tensors decompresses them.

    python tests/golden/compressed_tensors_weights.py --directories DIR

reads DIR/<scheme>-<variant>/ as compressed_tensors_formats.py saves them, decompresses every quantized
layer with the compressor of its format, and writes beside this script compressed_tensors_weights.json:
per checkpoint and layer the FNV-1a-64 of the weight as float32.
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import oracle  # noqa: E402


def decompressed(directory):
    """layer -> hash of its float32 weight."""
    from compressed_tensors.compressors.base import BaseCompressor
    from compressed_tensors.quantization import QuantizationScheme
    from safetensors.torch import load_file

    with open(os.path.join(directory, "config.json")) as file:
        config = json.load(file)["quantization_config"]
    group = config["config_groups"]["group_0"]
    scheme = QuantizationScheme.model_validate(group)
    compressor = BaseCompressor.load_from_registry(group.get("format") or config["format"])
    tensors = load_file(os.path.join(directory, "model.safetensors"))
    found = {}
    for name in sorted(tensors):
        if not name.endswith(".weight_scale"):
            continue
        layer = name[: -len(".weight_scale")]
        state = {k[len(layer) + 1:]: v for k, v in tensors.items() if k.startswith(layer + ".")}
        weight = compressor.decompress(state, scheme)["weight"]
        found[layer] = oracle.fnv1a(weight.float().contiguous().numpy().tobytes())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directories", required=True)
    parser.add_argument("--output", default=os.path.join(HERE, "compressed_tensors_weights.json"))
    options = parser.parse_args()
    golden = {}
    for name in sorted(os.listdir(options.directories)):
        if not name.startswith("source-"):
            golden[name] = decompressed(os.path.join(options.directories, name))
    with open(options.output, "w") as file:
        lines = [f'{json.dumps(name)}:{json.dumps(layers, separators=(",", ":"))}'
                 for name, layers in golden.items()]
        file.write('{"versions":' + json.dumps(oracle.versions()) + ',\n"checkpoints":{\n')
        file.write(",\n".join(lines) + "}}\n")


if __name__ == "__main__":
    main()
