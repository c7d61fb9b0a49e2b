#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Importance matrix of a Hugging Face model, in both of llama.cpp's formats, by way of transformers.

usage: gguf_imatrix.py MODEL_DIR OUTPUT_STEM

Reads the token windows "stats_input_ids" of MODEL_DIR/golden.json, writes OUTPUT_STEM.gguf and OUTPUT_STEM.dat
(sums of x^2 per input column of every linear layer inside the blocks).
"""
import json
import struct
import sys

import numpy as np
import torch
from gguf import GGUFWriter
from transformers import AutoModelForCausalLM

NAMES = {"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
         "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down"}


def collect(directory):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    windows = json.load(open(f"{directory}/golden.json"))["stats_input_ids"]
    sums = {}

    def observe(name):
        def hook(_, inputs):
            x = inputs[0].reshape(-1, inputs[0].shape[-1]).float()
            sums[name] = sums.get(name, 0) + x.square().sum(0)
        return hook

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and ".layers." in name:
            parts = name.split(".")
            module.register_forward_pre_hook(observe(f"blk.{parts[2]}.{NAMES[parts[-1]]}.weight"))
    with torch.no_grad():
        for window in windows:
            model(torch.tensor([window]))
    return {k: v.numpy().astype(np.float32) for k, v in sorted(sums.items())}, windows


def main():
    sums, windows = collect(sys.argv[1])
    chunk, tokens = len(windows[0]), sum(map(len, windows))
    writer = GGUFWriter(sys.argv[2] + ".gguf", "none")
    writer.kv_data[0].pop("general.architecture", None)
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["stats_input_ids"])
    writer.add_uint32("imatrix.chunk_count", len(windows))
    writer.add_uint32("imatrix.chunk_size", chunk)
    for name, values in sums.items():
        writer.add_tensor(name + ".in_sum2", values)
        writer.add_tensor(name + ".counts", np.array([[tokens]], dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with open(sys.argv[2] + ".dat", "wb") as out:
        calls = -(-tokens // chunk)
        out.write(struct.pack("<i", len(sums)))
        for name, values in sums.items():
            out.write(struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", calls, values.size))
            out.write((values / np.float32(tokens) * np.float32(calls)).astype("<f4").tobytes())
        out.write(struct.pack("<ii", len(windows), len("stats_input_ids")) + b"stats_input_ids")


main()
