#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What works for each architecture, measured on small checkpoints against transformers.

    measure.py --facts FOLDER --work FOLDER [--models FOLDER] [--awq PROGRAM] [--logits PROGRAM] [--json FILE] [NAME ...]

FOLDER of --facts holds make_models.py, which makes the checkpoints (in --models, or in --work); without it
the script says so and ends with 0. Names are those of make_models.py; none: all that are there. Needs torch,
transformers and, for W4A16, compressed-tensors; PROGRAM of --logits is bench_logits. For each checkpoint:

    forward   our float32 logits against those of transformers, largest difference over largest value;
              without --logits the perplexities are compared
    smoothing KL divergence of transformers' logits before and behind `oneshot --smoothing-only --mappings all`,
              weights in 32 bits, experts by all tokens; how many mappings were smoothed; and what readers each one has
    W4A16     logits by transformers of what `oneshot --scheme W4A16_ASYM` writes against ours of the same
              weights; where it does not load them, of W4A16, which has no zero points; where it loads neither,
              what it says, and its logits of the layers that compressed-tensors alone has unpacked
    generate  whether 8 tokens came
Prints a line for each as it is done and a table in Markdown at the end. Other scripts import `measure`.
"""
import argparse
import json
import math
import os
import shutil
import subprocess
import sys

import unpack

COLUMNS = ("forward", "smoothing", "W4A16", "generate")
GROUP = 32


class Bench:
    """Programs and folders of a run."""

    def __init__(self, facts, work, awq, logits=None, models=None):
        sys.path.insert(0, os.path.abspath(facts))
        import make_models  # of the facts
        self.models, self.work, self.awq, self.logits_program = make_models, work, awq, logits
        self.folder = models or os.path.join(work, "models")
        os.makedirs(work, exist_ok=True)
        self.ids = os.path.join(work, "ids.jsonl")
        with open(self.ids, "w", encoding="ascii") as out:
            out.write(json.dumps({"input_ids": make_models.IDS}) + "\n")

    def names(self):
        """All that can be made, or that are there."""
        there = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        return [each for each in self.models.M if each in there] or list(self.models.M)

    def checkpoint(self, name):
        """The directory of a checkpoint with weights in 32 bits; it is made where it is missing."""
        directory = os.path.join(self.folder, name)
        if not os.path.exists(os.path.join(directory, "reference.npz")):
            os.environ["F32"] = "1"
            self.models.make(name, self.folder)
        return directory

    def run(self, *arguments):
        """Runs the program; its error is raised as one line."""
        done = subprocess.run([self.awq, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
        return done.stdout

    def output(self, name, kind):
        directory = os.path.join(self.work, kind, name)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        return directory

    def quantize(self, name, kind, *arguments):
        """A run of `oneshot` on a checkpoint; gives its output and its report."""
        output = self.output(name, kind)
        report = output + ".json"
        self.run("oneshot", "--model", self.checkpoint(name), "--dataset", self.ids, "--output", output,
                 "--overwrite", "--report", report, "--group-size", str(GROUP), "--n-grid", "6", *arguments)
        with open(report, encoding="utf-8") as file:
            return output, json.load(file)

    def ours(self, directory):
        """Our logits, (tokens, vocabulary)."""
        import numpy
        target = os.path.join(self.work, "ours.f32")
        if os.path.exists(target):
            os.remove(target)
        done = subprocess.run([self.logits_program, self.ids, directory, target], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return numpy.fromfile(target, dtype="float32").reshape(len(self.models.IDS), -1)

    def perplexity(self, directory):
        report = os.path.join(self.work, "eval.json")
        self.run("eval", "--model", directory, "--dataset", self.ids, "--report", report, "--overwrite")
        with open(report, encoding="utf-8") as file:
            return json.load(file)["perplexity"]

    def theirs(self, name, directory):
        """The logits of transformers, eager attention in float32."""
        model, info = self.models.load(directory, self.models.M[name][1])
        wrong = {key: sorted(map(str, info[key]))[:3] for key in ("missing_keys", "mismatched_keys") if info.get(key)}
        if wrong:
            raise RuntimeError("transformers: %s" % wrong)
        return self.models.fwd(model)

    def golden(self, name):
        import numpy
        return numpy.load(os.path.join(self.checkpoint(name), "reference.npz"))["logits"]


def difference(found, wanted):
    """Largest difference, relative to the largest value."""
    import numpy
    return float(numpy.abs(found - wanted).max() / numpy.abs(wanted).max())


def perplexity_of(logits, ids):
    import numpy
    logits = logits.astype("float64")
    peaks = logits.max(-1)
    logs = peaks + numpy.log(numpy.exp(logits - peaks[:, None]).sum(-1))
    losses = [logs[t] - logits[t][ids[t + 1]] for t in range(len(ids) - 1)]
    return math.exp(sum(losses) / len(losses))


def forward(bench, name):
    wanted = bench.golden(name)
    if bench.logits_program:
        return difference(bench.ours(bench.checkpoint(name)), wanted)
    exact = perplexity_of(wanted, bench.models.IDS)
    return abs(bench.perplexity(bench.checkpoint(name)) - exact) / exact


def log_softmax(logits):
    import numpy
    shifted = logits.astype("float64") - logits.max(-1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(-1, keepdims=True))


def divergence(wanted, found):
    """Mean KL divergence over the tokens."""
    import numpy
    wanted, found = log_softmax(wanted), log_softmax(found)
    return max(0.0, float((numpy.exp(wanted) * (wanted - found)).sum(-1).mean()))


def smoothing(bench, name):
    output, report = bench.quantize(name, "smoothed", "--smoothing-only", "--mappings", "all", "--all-experts")
    smoothed = sum(1 for each in report["mappings"] if not each.get("skipped"))
    readers = {each["smooth_layer"]: each["balance_layers"] for each in report["mappings"]}
    kl = divergence(bench.golden(name), bench.theirs(name, output))
    return {"kl": kl, "smoothed": smoothed, "mappings": len(report["mappings"]), "readers": readers}


def by_transformers(bench, name, scheme):
    """What transformers computes of a quantized checkpoint against what we do."""
    output, _ = bench.quantize(name, "w4a16", "--scheme", scheme)
    theirs = bench.theirs(name, output)
    if bench.logits_program:
        return difference(theirs, bench.ours(output))
    return abs(perplexity_of(theirs, bench.models.IDS) / bench.perplexity(output) - 1)


def quantized(bench, name):
    try:
        return {"error": by_transformers(bench, name, "W4A16_ASYM")}
    except Exception as error:
        reason = str(error).replace("\n", " ")[:300]
    try:
        return {"symmetric": by_transformers(bench, name, "W4A16"), "reason": reason}
    except Exception as error:
        reason = str(error).replace("\n", " ")[:300]
    if not bench.logits_program or reason.startswith("awq: "):
        return reason
    output, _ = bench.quantize(name, "w4a16", "--scheme", "W4A16_ASYM")
    plain = unpack.unpacked(bench.checkpoint(name), output, bench.output(name, "unpacked"))
    return {"unpacked": difference(bench.theirs(name, plain), bench.ours(output)), "reason": reason}


def generate(bench, name):
    text = bench.run("generate", "--model", bench.checkpoint(name), "--prompt", "The house",
                     "--max-new-tokens", "8")
    return len(text) > 0


def measure(bench, name):
    """The figures of one checkpoint: column -> value, or a text that says why there is none."""
    row = {"class": bench.models.M[name][1]}
    for column, call in zip(COLUMNS, (forward, smoothing, quantized, generate)):
        try:
            row[column] = call(bench, name)
        except Exception as error:  # each is a cell of the table
            row[column] = str(error).replace("\n", " ")[:300]
    return row


def cell(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "%.1e" % value
    if isinstance(value, dict) and "kl" in value:
        return "%.1e (%d/%d)" % (value["kl"], value["smoothed"], value["mappings"])
    if isinstance(value, dict):
        kind = next(each for each in ("error", "symmetric", "unpacked") if each in value)
        return "%.1e%s" % (value[kind], "" if kind == "error" else " " + kind)
    return "no: " + value.replace("|", "/")[-120:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--facts", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--models")
    parser.add_argument("--awq", default="build/bin/awq")
    parser.add_argument("--logits")
    parser.add_argument("--json")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if not os.path.exists(os.path.join(options.facts, "make_models.py")):
        print("skipped: there is no make_models.py in " + options.facts)
        return
    bench = Bench(options.facts, options.work, options.awq, options.logits, options.models)
    rows = {}
    for name in options.names or bench.names():
        rows[name] = measure(bench, name)
        print(name, *(cell(rows[name][column]) for column in COLUMNS), sep="  ", flush=True)
        if options.json:
            with open(options.json, "w", encoding="ascii") as out:
                json.dump(rows, out, indent=1)
    print("\n| checkpoint | class | " + " | ".join(COLUMNS) + " |\n|---|---|" + "---|" * len(COLUMNS))
    for name, row in rows.items():
        print("| %s | %s | %s |" % (name, row["class"], " | ".join(cell(row[column]) for column in COLUMNS)))


if __name__ == "__main__":
    main()
