# SPDX-License-Identifier: MIT
"""Checkpoints with a few blocks of a large shape, to time and not to use; needs no package.

    python bench/peer/shapes.py model DIR [--shape 8b|1b|30b-a3b] [--blocks 1]
    python bench/peer/shapes.py ids FILE.jsonl [--samples 128] [--tokens 512]

A model is a Llama (30b-a3b: a Qwen3 MoE) of random bfloat16 weights whose norms have outlier channels, with a
vocabulary of 8192 and the tokenizer of examples/data/tiny-llama. The ids are of that tokenizer.
"""

import argparse
import array
import glob
import json
import os
import random
import shutil
import struct

# hidden, intermediate, heads, their keys; and of experts: how many, head size
SHAPES = {"8b": (4096, 14336, 32, 8), "1b": (2048, 5632, 32, 4), "30b-a3b": (2048, 768, 32, 4, 128, 128)}
VOCABULARY = 8192
TOKENIZER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "data", "tiny-llama")


def bfloat16(values):
    """Their upper halves, rounded to nearest."""
    halves = array.array("H")
    for value in values:
        halves.append((struct.unpack("<I", struct.pack("<f", value))[0] + 0x8000) >> 16)
    return halves.tobytes()


def tensors(blocks, hidden, intermediate, heads, keys, experts=0, head=0):
    """Name and shape of every tensor."""
    head = head or hidden // heads
    wide, width = head * heads, head * keys
    yield "model.embed_tokens.weight", (VOCABULARY, hidden)
    for block in range(blocks):
        prefix = f"model.layers.{block}."
        yield prefix + "input_layernorm.weight", (hidden,)
        yield prefix + "self_attn.q_proj.weight", (wide, hidden)
        yield prefix + "self_attn.k_proj.weight", (width, hidden)
        yield prefix + "self_attn.v_proj.weight", (width, hidden)
        yield prefix + "self_attn.o_proj.weight", (hidden, wide)
        yield prefix + "post_attention_layernorm.weight", (hidden,)
        if experts:
            yield prefix + "self_attn.q_norm.weight", (head,)
            yield prefix + "self_attn.k_norm.weight", (head,)
            yield prefix + "mlp.gate.weight", (experts, hidden)
        for place in [f"mlp.experts.{e}." for e in range(experts)] or ["mlp."]:
            yield prefix + place + "gate_proj.weight", (intermediate, hidden)
            yield prefix + place + "up_proj.weight", (intermediate, hidden)
            yield prefix + place + "down_proj.weight", (hidden, intermediate)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (VOCABULARY, hidden)


def norm(size, chance):
    """Weights of a norm: some channels are outliers."""
    weights = [0.7 + 0.6 * chance.random() for _ in range(size)]
    for channel in chance.sample(range(size), max(4, size // 256)):
        weights[channel] *= 12
    return bfloat16(weights)


class Pool:
    """Normal values drawn once; a row of a weight is a run of them from a random place."""

    def __init__(self, chance, size=1 << 21):
        self.chance = chance
        self.bytes = bfloat16(chance.gauss(0.0, 0.02) for _ in range(size))

    def row(self, size):
        first = self.chance.randrange(len(self.bytes) // 2 - size)
        return self.bytes[2 * first : 2 * (first + size)]


def write_weights(path, shape, blocks):
    """A safetensors file."""
    chance = random.Random(0)
    pool = Pool(chance)
    listed = list(tensors(blocks, *shape))
    header, end = {}, 0
    for name, size in listed:
        count = 2 * size[0] * (size[1] if len(size) == 2 else 1)
        header[name] = {"dtype": "BF16", "shape": list(size), "data_offsets": [end, end + count]}
        end += count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, size in listed:
            if len(size) == 1:
                file.write(norm(size[0], chance))
                continue
            for _ in range(size[0]):
                file.write(pool.row(size[1]))


def make_model(directory, name, blocks):
    hidden, intermediate, heads, keys, experts, head = (SHAPES[name] + (0, 0))[:6]
    os.makedirs(directory, exist_ok=True)
    for path in glob.glob(os.path.join(TOKENIZER, "*token*.json")):
        shutil.copy(path, directory)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16", "hidden_act": "silu",
        "hidden_size": hidden, "intermediate_size": intermediate, "num_attention_heads": heads,
        "num_key_value_heads": keys, "head_dim": head or hidden // heads, "num_hidden_layers": blocks,
        "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "vocab_size": VOCABULARY,
        "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False,
    }
    if experts:
        config.update({"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "num_experts": experts,
                       "num_experts_per_tok": 8, "moe_intermediate_size": intermediate, "norm_topk_prob": True})
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
    write_weights(os.path.join(directory, "model.safetensors"), SHAPES[name], blocks)


def make_ids(path, samples, tokens):
    chance = random.Random(1)
    with open(path, "w") as file:
        for _ in range(samples):
            file.write(json.dumps({"input_ids": [chance.randrange(2000) for _ in range(tokens)]}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    model = kinds.add_parser("model")
    model.add_argument("directory")
    model.add_argument("--shape", choices=SHAPES, default="8b")
    model.add_argument("--blocks", type=int, default=1)
    ids = kinds.add_parser("ids")
    ids.add_argument("file")
    ids.add_argument("--samples", type=int, default=128)
    ids.add_argument("--tokens", type=int, default=512)
    chosen = parser.parse_args()
    if chosen.kind == "model":
        make_model(chosen.directory, chosen.shape, chosen.blocks)
    else:
        make_ids(chosen.file, chosen.samples, chosen.tokens)


if __name__ == "__main__":
    main()
