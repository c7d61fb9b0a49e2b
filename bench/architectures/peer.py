#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What llm-compressor's mappings forget: readers of a smoothed layer that they do not balance.

    peer.py --measured FILE.json OUTPUT.json

FILE is that of measure.py, whose reports name all readers of every layer that can be smoothed. Needs
llm-compressor; nothing is run. OUTPUT: checkpoint -> text; nothing for those that are complete.
"""
import argparse
import json
import re

MODULES = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}  # as transformers has them


def matches(pattern, name):
    name = re.sub(r"\.(w[123])$", lambda found: "." + MODULES[found[1]], name)
    return re.match(pattern.removeprefix("re:"), name) is not None


def short(name):
    """Without its block, all experts alike: "mlp.experts.*.up_proj"."""
    name = re.sub(r"^.*?(layers|h|blocks)\.\d+\.", "", name)
    return re.sub(r"\.\d+\.", ".*.", name)


def add(names, name):
    if short(name) not in names:
        names.append(short(name))


def judged(mappings, readers):
    """Readers that are forgotten, and layers that are smoothed though their readers would not notice."""
    forgotten, wrong = [], []
    layers = {each for some in readers.values() for each in some}
    for mapping in mappings:
        for layer, some in readers.items():
            if not matches(mapping.smooth_layer, layer):
                continue
            for each in some:
                if not any(matches(pattern, each) for pattern in mapping.balance_layers):
                    add(forgotten, each)
        for layer in layers - set(readers):
            if matches(mapping.smooth_layer, layer):
                add(wrong, layer)
    return forgotten, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--measured", required=True)
    parser.add_argument("output")
    options = parser.parse_args()
    from llmcompressor.modifiers.transform.awq.mappings import AWQ_MAPPING_REGISTRY, default_mappings
    with open(options.measured, encoding="utf-8") as file:
        rows = json.load(file)
    found = {}
    for name, row in rows.items():
        if not isinstance(row["smoothing"], dict):
            continue
        forgotten, wrong = judged(AWQ_MAPPING_REGISTRY.get(row["class"], default_mappings), row["smoothing"]["readers"])
        texts = ["forgets " + ", ".join(forgotten)] if forgotten else []
        texts += ["smooths " + ", ".join(wrong)] if wrong else []
        if texts:
            found[name] = "; ".join(texts)
    with open(options.output, "w", encoding="ascii") as out:
        json.dump(found, out, indent=1)


if __name__ == "__main__":
    main()
