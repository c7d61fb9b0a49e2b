#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes forward_passes.json: float32 logits of transformers for small random models.

The weights are not stored: both sides draw them from one generator. Every tensor, by its name in
alphabetical order, takes its elements from one linear congruential sequence; see `draw`.

    forward_passes.py OUTPUT.json        needs torch and transformers
"""
import json
import sys

import numpy
import torch
import transformers

COMMON = dict(vocab_size=48, hidden_size=32, intermediate_size=56, num_hidden_layers=3,
              num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=64,
              rms_norm_eps=1e-5, tie_word_embeddings=False, attn_implementation="eager")


def rope(kind, **values):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **values))


CASES = [
    ("llama_biases", transformers.LlamaConfig, dict(attention_bias=True, mlp_bias=True)),
    ("llama_linear", transformers.LlamaConfig, rope("linear", factor=4.0)),
    ("llama_dynamic", transformers.LlamaConfig,
     dict(max_position_embeddings=24, **rope("dynamic", factor=2.0))),
    ("llama_llama3", transformers.LlamaConfig,
     rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
          original_max_position_embeddings=32)),
    ("llama_yarn", transformers.LlamaConfig,
     rope("yarn", factor=4.0, original_max_position_embeddings=16)),
    ("mistral_window", transformers.MistralConfig, dict(sliding_window=7)),
    ("qwen2", transformers.Qwen2Config, dict()),
    ("qwen3", transformers.Qwen3Config, dict()),
    ("gemma3_text", transformers.Gemma3TextConfig,
     dict(sliding_window=7, query_pre_attn_scalar=16, tie_word_embeddings=True,
          layer_types=["sliding_attention", "full_attention", "sliding_attention"],
          rope_parameters=dict(
              full_attention=dict(rope_type="linear", rope_theta=1e6, factor=8.0),
              sliding_attention=dict(rope_type="default", rope_theta=1e4)))),
]


def draw(count, seed):
    """`count` values in [-1, 1) and the generator's next state."""
    values = numpy.empty(count, numpy.float32)
    for i in range(count):
        seed = (seed * 1664525 + 1013904223) % 2**32
        values[i] = numpy.float32(numpy.int32(numpy.uint32(seed)) * 2.0**-31)
    return values, seed


def fill(model):
    seed = 1
    with torch.no_grad():
        for name, tensor in sorted(model.state_dict().items()):
            values, seed = draw(tensor.numel(), seed)
            values = 1 + 0.5 * values if "norm" in name else 0.35 * values
            tensor.copy_(torch.tensor(values.astype(numpy.float32)).reshape(tensor.shape))


def run(name, config_class, changes):
    config = config_class(**{**COMMON, **changes})
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    fill(model)
    ids = [(7 * i * i + 3 * i + 5) % config.vocab_size for i in range(40)]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    return dict(name=name, architecture=type(model).__name__, ids=ids,
                shapes={k: list(v.shape) for k, v in sorted(model.state_dict().items())},
                logits={str(t): [round(float(x), 6) for x in logits[t]] for t in (0, 11, 25, 39)})


def main():
    cases = [run(*case) for case in CASES]
    with open(sys.argv[1], "w", encoding="ascii") as out:
        json.dump(dict(transformers=transformers.__version__, torch=torch.__version__, cases=cases),
                  out, indent=None, separators=(",", ":"))
        out.write("\n")


if __name__ == "__main__":
    main()
