#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes examples/ARCHITECTURES.md from what measure.py and gguf.py found (their --json files).

    document.py --measured FILE.json --gguf FILE.json --facts FOLDER OUTPUT.md

FOLDER of --facts holds make_models.py (what class each checkpoint has) and tables.md, the figures of
llm-compressor for the same checkpoints.
"""
import argparse
import json
import os
import re

HEAD = """# What works for each architecture

Measured on small checkpoints with random weights, one or more of each family; written by
`bench/architectures/document.py` from the figures of `measure.py` and `gguf.py` beside it. Any other class:
`inspect` and `convert` work; where all its tensors are those of a Llama it is computed as one, with a warning that
names what is assumed; else it is refused. How to add a family: `include/README.md`.

"""
COLUMNS = {
    "forward": """our forward pass against that of transformers: relative difference of perplexities. The tests of
  `tests/model` hold the logits of each family to 1e-4.""",
    "smoothing": """transformers' logits before and behind `oneshot --smoothing-only --mappings all`, weights in 32
  bits; how many mappings were smoothed, of how many.""",
    "W4A16": """perplexity by transformers of what `oneshot --scheme W4A16_ASYM` writes, against ours of the same
  weights.""",
    "GGUF": """llama.cpp's logits of `export --type f32` against those of transformers, largest difference over
  largest value; "to N": of the first N tokens only, as llama.cpp has no sliding windows for this architecture. GELU
  it takes from a table in 16 bits, hence some 1e-4.""",
    "GGUF read": "KL divergence of `eval --model FILE.gguf --reference CHECKPOINT`.",
    "q4_k_m": "KL divergence of llama.cpp's logits of that type; some rows here are too short for its blocks.",
    "llm-compressor": """KL divergence after its own smoothing alone, with its own choice of mappings, on the same
  checkpoint. Far above 1e-6 its mappings mostly forget a reader of what they smooth (a router, a shared expert, a gate), and
  the model is another one.""",
}


def cell(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "%.1e" % value
    if isinstance(value, list):
        return "%.1e (%d/%d)" % tuple(value)
    text = value.replace("|", "/")
    return text if re.match(r"[0-9.]+e", text) else "no: " + re.sub(r"^no: ", "", text)[:110]


def peers(facts):
    """llm-compressor's figure of each checkpoint."""
    found = {}
    with open(os.path.join(facts, "tables.md"), encoding="utf-8") as file:
        for line in file:
            cells = [each.strip() for each in line.strip().strip("|").split("|")]
            if line.startswith("|") and len(cells) == 7 and re.fullmatch(r"[01]{5}", cells[2]):
                text = cells[5].removeprefix("D ")
                found[cells[0]] = "error" if text.startswith("ERR") else text
    return found


def classes(facts):
    """Class names by checkpoint, as the table of the facts has them."""
    found = {}
    with open(os.path.join(facts, "tables.md"), encoding="utf-8") as file:
        for line in file:
            cells = [each.strip() for each in line.strip().strip("|").split("|")]
            if line.startswith("|") and len(cells) == 7 and re.fullmatch(r"[01]{5}", cells[2]):
                found[cells[0]] = cells[1]
    return found


def registry():
    """The classes that are known."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "awq", "model",
                        "architectures", "registry.hpp")
    with open(path, encoding="utf-8") as file:
        return set(re.findall(r'\{"(\w+)", "[a-z0-9_]+",', file.read()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--measured")
    parser.add_argument("--gguf")
    parser.add_argument("--facts", required=True)
    parser.add_argument("output")
    options = parser.parse_args()
    load = lambda path: json.load(open(path, encoding="utf-8")) if path and os.path.exists(path) else {}
    measured, gguf = load(options.measured), load(options.gguf)
    peer, kinds = peers(options.facts), classes(options.facts)
    for found in (measured, gguf):
        kinds.update({name: row["class"] for name, row in found.items() if "class" in row})
    known = {name for name, kind in kinds.items() if kind in registry()}
    rows = []
    for name in sorted(known | set(measured) | set(gguf), key=lambda each: (kinds.get(each, ""), each)):
        ours, file = measured.get(name, {}), gguf.get(name, {})
        if "not known here" in str(file.get("llama.cpp", "")) + str(ours.get("forward", "")):
            continue
        values = [cell(ours.get(each)) for each in ("forward", "smoothing", "W4A16")]
        values += [cell(file.get(each)) for each in ("llama.cpp", "read", "q4_k_m")] + [peer.get(name, "-")]
        rows.append([kinds.get(name, "-"), name, *values])
    shown = [i for i in range(len(COLUMNS)) if any(row[i + 2] != "-" for row in rows)]
    names = [list(COLUMNS)[i] for i in shown]
    lines = ["- **%s**: %s" % (name, COLUMNS[name]) for name in names] + [""]
    lines += ["| class | checkpoint | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    lines += ["| " + " | ".join(row[:2] + [row[i + 2] for i in shown]) + " |" for row in rows]
    with open(options.output, "w", encoding="utf-8") as out:
        out.write(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
