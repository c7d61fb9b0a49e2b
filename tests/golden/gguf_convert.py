#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Converts a Hugging Face model directory with llama.cpp's own converter: the reference for our writer.

usage: gguf_convert.py LLAMA_CPP_TREE MODEL_DIR OUTPUT.gguf f32|f16|bf16|q8_0 [PRE]

The converter refuses tokenizers that it has never seen (it looks up a hash), so PRE, when given, stands
in for that look-up: pass the name that our structural identification gives.
"""
import sys


def main() -> None:
    tree, model, output, outtype = sys.argv[1:5]
    sys.path[:0] = [tree, tree + "/gguf-py"]
    import conversion.base
    import convert_hf_to_gguf

    if len(sys.argv) > 5:
        pre = sys.argv[5]
        conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
    sys.argv = ["convert_hf_to_gguf.py", model, "--outfile", output, "--outtype", outtype]
    convert_hf_to_gguf.main()


main()
