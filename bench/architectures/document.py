#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes examples/ARCHITECTURES.md from what measure.py, gguf.py and peer.py found (their JSON files).

    document.py --measured FILE.json... --gguf FILE.json... --peer FILE.json --facts FOLDER OUTPUT.md

Of several files the later ones go before. FOLDER of --facts holds make_models.py (what class each checkpoint
has) and tables.md, the figures of llm-compressor for the same checkpoints.
"""
import argparse
import json
import os
import re

HEAD = """# What works for each architecture

Measured on small checkpoints with random weights, one or more of each family; written by
`bench/architectures/document.py` from the figures of `measure.py`, `gguf.py` and `peer.py` beside it, with
transformers 5.17, compressed-tensors 0.19, llama.cpp 0.5.0 and llm-compressor 0.14. Any other class: `inspect` and
`convert` work; where all its tensors are those of a Llama it is computed as one, with a warning that names what is
assumed; else it is refused. How to add a family: `include/README.md`. Differences are the largest one over the
largest value; KL divergences are means over the tokens.

"""
COLUMNS = {
    "forward": "our logits against those of transformers in float32: difference.",
    "smoothing": """KL divergence of transformers' logits before and behind `oneshot --smoothing-only --mappings all`,
  weights in 32 bits (experts by all tokens, with `--all-experts`); how many mappings were smoothed, of how many.""",
    "W4A16": """transformers' logits of what `oneshot --scheme W4A16_ASYM` writes (compressed-tensors) against ours of the
  same weights: difference. *symmetric*: of W4A16, as transformers drops the zero points of experts, whoever has written
  them (vLLM up to 0.22 refuses them too; AutoAWQ's layout has them). *unpacked*: transformers loads no packed layers of
  this class; compressed-tensors unpacks them for it. Experts have names of their own in these files
  (`mlp.experts.3.up_proj`), as llm-compressor's have and vLLM reads them.""",
    "GGUF": """llama.cpp's logits of `export --type f32` against those of transformers: difference; "to N": of the first N
  tokens only, as llama.cpp has other windows or chunks for this architecture. GELU it takes from a table in 16 bits,
  hence some 1e-4.""",
    "read": "KL divergence of `eval --model FILE.gguf --reference CHECKPOINT`, F32.",
    "q8_0": """KL divergence of llama.cpp's logits of that type; it rounds what layers read to 8 bits too, and where a router
  is close to a tie a token takes another expert.""",
    "q4_k_m": "the same of that type; some rows here are too short for its blocks.",
    "llm-compressor": """KL divergence after its own smoothing alone, with its own choice of mappings, on the same
  checkpoint, and what these forget: readers of a smoothed layer that they do not balance, or layers whose scales do not
  come through an activation. The model is another one then.""",
}
NOTES = """
Where llama.cpp and the model part:

- gpt-oss: its YaRN has `truncate: false`; ggml rounds the range to whole pairs (floor, ceil) for every model, and
  no key changes that. With `truncate: true` the same checkpoint agrees to 1.2e-06. The real gpt-oss (64 channels,
  range 8.1 to 17.4, rounded to 8 to 18) runs in llama.cpp with this difference.
- Qwen 2-VL and 2.5-VL: llama.cpp 0.5.0 does not read the epsilon of its norms and computes with 0.
- Qwen 3-VL: pairs that no section of `mrope_section` reaches (sections of 8, 4, 4 leave the pairs 13 and 14 of 16)
  turn with time in transformers and stay in llama.cpp. With sections that reach all of them the same checkpoint
  agrees to 1.4e-06; of the real models these are two of 64 pairs, the slowest.
- PhiMoE: llama.cpp has its layer norms as RMS norms and its router as a softmax. OPT and nanochat it does not have,
  GPT-J only by name.
- Latent attention (DeepSeek, GLM 4.7 Flash, Mistral 4) in Q8_0: on a CPU with AMX llama.cpp 0.5.0 ends with an
  assertion (its backend for AMX does not compute their 3-D tensors); these figures are by its library for CPUs without.
- Llama with dynamic rope: llama.cpp does not have it; said in a warning.
- Falcon, StarCoder 1 and nanochat in W4A16: transformers' own initialization asks packed layers for `.weight`, so
  that it loads no packed file of these classes. GPT-2 stores layers as (inputs, outputs), to which no quantized
  layout's groups fit; smoothed checkpoints and GGUF files of it can be written.
- llama_dynamic by llm-compressor: not its mappings but the rope of the model in memory, which stays stretched.
"""


def reason_of(text):
    """Why transformers loads no packed layers, in a few words."""
    if "has no attribute 'weight'" in text:
        return "its initialization reads .weight"
    if "missing_keys" in text:
        return "it has all experts in one tensor"
    return re.sub(r"^no: ", "", text)[:110]


def cell(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return "%.1e" % value
    if isinstance(value, dict) and "kl" in value:
        return "%.1e (%d/%d)" % (value["kl"], value["smoothed"], value["mappings"])
    if isinstance(value, dict):
        kind = next(each for each in ("error", "symmetric", "unpacked") if each in value)
        text = "%.1e" % value[kind] + ("" if kind == "error" else " " + kind)
        return text + (": " + reason_of(value["reason"]) if kind == "unpacked" else "")
    text = value.replace("|", "/")
    return text if re.match(r"[0-9.]+e", text) else "no: " + re.sub(r"^(no: )?(awq: )?(/[^ ]*: )?", "", text)[:110]


def peers(facts):
    """Class and llm-compressor's figure of each checkpoint."""
    kinds, figures = {}, {}
    with open(os.path.join(facts, "tables.md"), encoding="utf-8") as file:
        for line in file:
            cells = [each.strip() for each in line.strip().strip("|").split("|")]
            if line.startswith("|") and len(cells) == 7 and re.fullmatch(r"[01]{5}", cells[2]):
                text = cells[5].removeprefix("D ")
                kinds[cells[0]] = cells[1]
                figures[cells[0]] = "error" if text.startswith("ERR") else text
    return kinds, figures


def peer_cell(figure, forgotten):
    """The figure, and why it is large."""
    if not re.match(r"[0-9.]+e", figure) or float(figure) < 1e-6 or not forgotten:
        return figure
    return figure + ": " + forgotten


def registry():
    """The classes that are known."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "awq", "model",
                        "architectures", "registry.hpp")
    with open(path, encoding="utf-8") as file:
        return set(re.findall(r'\{"(\w+)", "[a-z0-9_]+",', file.read()))


def merged(paths):
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            found.update(json.load(file))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--measured", nargs="*", default=[])
    parser.add_argument("--gguf", nargs="*", default=[])
    parser.add_argument("--peer", nargs="*", default=[])
    parser.add_argument("--facts", required=True)
    parser.add_argument("output")
    options = parser.parse_args()
    measured, gguf, forgotten = merged(options.measured), merged(options.gguf), merged(options.peer)
    kinds, figures = peers(options.facts)
    for found in (measured, gguf):
        kinds.update({name: row["class"] for name, row in found.items() if "class" in row})
    known = registry()
    rows = []
    for name in sorted(set(measured) | set(gguf), key=lambda each: (kinds.get(each, ""), each)):
        ours, file = measured.get(name, {}), gguf.get(name, {})
        if kinds.get(name) not in known or "linear_attention" in str(ours.get("forward", "")):
            continue
        values = [cell(ours.get(each)) for each in ("forward", "smoothing", "W4A16")]
        values += [cell(file.get(each)) for each in ("llama.cpp", "read", "q8_0", "q4_k_m")]
        values.append(peer_cell(figures.get(name, "-"), forgotten.get(name)))
        rows.append([kinds[name], name, *values])
    lines = ["- **%s**: %s" % each for each in COLUMNS.items()] + [""]
    lines += ["| class | checkpoint | " + " | ".join(COLUMNS) + " |", "|---|---|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    with open(options.output, "w", encoding="utf-8") as out:
        out.write(HEAD + "\n".join(lines) + "\n" + NOTES)


if __name__ == "__main__":
    main()
