#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which type llama.cpp's quantizer gives each tensor: makes small models of many shapes, quantizes them for real.

usage: LLAMA_CPP_LIBRARIES=... gguf_mix.py > tests/data/gguf_mix.txt

Output: a line "model ARCH LAYERS HEADS KV EXPERTS WIDTH FEED_FORWARD TIED", then for each file type a line
"mix NAME IMATRIX PURE LETTERS", one letter for each tensor in visiting order, and "=" where an importance
matrix changes nothing. Letters are those of LETTERS below.
"""
import os
import sys
import tempfile

import numpy as np
from gguf import GGUFReader, GGUFWriter

from gguf_llama_cpp import Library

TYPES = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S",
         "Q5_K_M", "Q6_K", "IQ4_NL"]
LETTERS = {"F32": "f", "F16": "h", "Q4_0": "a", "Q4_1": "b", "Q5_0": "c", "Q5_1": "d", "Q8_0": "8", "Q2_K": "2",
           "Q3_K": "3", "Q4_K": "4", "Q5_K": "5", "Q6_K": "6", "IQ4_NL": "n"}
#        arch   layers heads kv experts width feed-forward tied
MODELS = [("llama", 4, 4, 2, 0, 256, 256, True), ("llama", 18, 4, 1, 0, 256, 544, False),
          ("llama", 35, 4, 4, 0, 256, 256, False), ("llama", 80, 8, 1, 0, 256, 256, False),
          ("llama", 17, 4, 2, 8, 256, 256, False), ("llama", 16, 4, 2, 4, 256, 256, True),
          ("qwen2", 80, 4, 2, 0, 256, 256, False), ("qwen2", 9, 4, 1, 0, 96, 160, True),
          ("qwen3", 28, 4, 2, 0, 256, 768, True), ("llama", 3, 4, 2, 0, 264, 256, False)]


def tensors(arch, layers, heads, kv, experts, width, feed, tied):
    head = width // heads
    yield "token_embd.weight", (4, width)
    yield "output_norm.weight", (width,)
    if not tied:
        yield "output.weight", (4, width)
    for i in range(layers):
        for name, shape in [("attn_norm", (width,)), ("ffn_norm", (width,)), ("attn_q", (heads * head, width)),
                            ("attn_k", (kv * head, width)), ("attn_v", (kv * head, width)),
                            ("attn_output", (width, heads * head))]:
            yield f"blk.{i}.{name}.weight", shape
        if arch == "qwen2":
            yield f"blk.{i}.attn_q.bias", (heads * head,)
        if arch == "qwen3":
            yield f"blk.{i}.attn_q_norm.weight", (head,)
        if experts:
            yield f"blk.{i}.ffn_gate_inp.weight", (experts, width)
            for name, shape in [("gate", (feed, width)), ("up", (feed, width)), ("down", (width, feed))]:
                yield f"blk.{i}.ffn_{name}_exps.weight", (experts,) + shape
        else:
            for name, shape in [("gate", (feed, width)), ("up", (feed, width)), ("down", (width, feed))]:
                yield f"blk.{i}.ffn_{name}.weight", shape


def write(path, arch, layers, heads, kv, experts, width, feed, tied):
    writer = GGUFWriter(path, arch)
    writer.add_block_count(layers)
    writer.add_context_length(128)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(feed)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(4)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(2)
    writer.add_tokenizer_model("none")
    random, names = np.random.default_rng(0), []
    for name, shape in tensors(arch, layers, heads, kv, experts, width, feed, tied):
        # One row in 32 is enough: the choice looks at row lengths only.
        small = shape if len(shape) == 1 else shape[:-2] + (max(2, shape[-2] // 32),) + shape[-1:]
        writer.add_tensor(name, random.standard_normal(small).astype(np.float32))
        names.append((name, shape[-1], int(np.prod(shape[:-2])) if len(shape) > 2 else 1))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return names


def main():
    library = Library()
    folder = tempfile.mkdtemp()
    source, target = f"{folder}/in.gguf", f"{folder}/out.gguf"
    for model in MODELS:
        names = write(source, *model)
        print("model", *[int(x) if isinstance(x, bool) else x for x in model])
        imatrix = {name: np.ones(cols * slices, np.float32) for name, cols, slices in names}
        runs = [(t, i, False) for t in TYPES for i in (False, True)] + [("Q4_K_M", False, True)]
        for kind, importance, pure in runs:
            library.quantize(source, target, kind, imatrix if importance else None, pure)
            letters = "".join(LETTERS[t.tensor_type.name] for t in GGUFReader(target).tensors)
            print("mix", kind, int(importance), int(pure), "=" if importance and letters == plain else letters)
            plain = letters if not importance else plain
            os.remove(target)


main()
