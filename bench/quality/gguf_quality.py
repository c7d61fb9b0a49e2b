#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The proof table for GGUF files: perplexity and KL divergence of llama.cpp's own forward pass.

    LLAMA_CPP_LIBRARIES=DIR python bench/quality/gguf_quality.py --awq build/bin/awq --model DIR --calibration TRAINING.txt
        --text OTHER.txt --output WORKDIR [--types Q4_0 Q4_K_M Q3_K_M Q2_K] [--windows 40] [--methods ...]

For every type the model goes through each method:

    plain         llama_model_quantize of the original
    imatrix       the same with the importance matrix of the original
    smoothed      `awq oneshot --smoothing-only --target TYPE`, then llama_model_quantize
    smoothed_im   the same with the importance matrix of the smoothed model
    compensated   `awq oneshot --compensate --target TYPE`, then llama_model_quantize with its importance matrix
    direct        `awq oneshot --type TYPE`, which writes the file itself
    measured      `awq oneshot --type TYPE --measured-types`: other types for the tensors, no more bytes

Calibrated is on --samples windows of --length tokens, evenly spaced over --calibration (or on the first so many lines of
a .jsonl with input_ids). llama.cpp quantizes from float32 files that `awq export --type f32` has made. All files are run
by llama.cpp (float32 KV cache, no flash attention) on the same windows of --text. Windows begin with the token that begins
a text if the model asks for one, as in llama-perplexity. Perplexity scores every token but each window's first; KL is the
mean of KL(original || file) over the same positions, in nats, the original being its float32 file. Ratios are to
`imatrix`; their standard error is that of the paired differences between windows.
--variant NAME FLAGS adds a method: `awq oneshot` with these flags ("--type {type} --damping 0.1"); with --compensate or
--smoothing-only in them llama.cpp's quantizer follows. What is in WORKDIR/results.json is not made again without --again.
The struct layouts of llama.cpp are in tests/golden/gguf_llama_cpp.py.
"""
import argparse
import ctypes
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden"))
import gguf_llama_cpp as llama  # noqa: E402

METHODS = {
    "plain": None,
    "imatrix": None,
    "smoothed": "--smoothing-only --target {type}",
    "smoothed_im": "--smoothing-only --target {type}",
    "compensated": "--compensate --target {type}",
    "direct": "--type {type}",
    "measured": "--type {type} --measured-types",
}


def log_softmax(logits):
    """Float32 with a float64 sum; exact enough for means of 1e-5."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    total = np.exp(shifted).sum(axis=-1, keepdims=True, dtype=np.float64)
    return shifted - np.log(total).astype(np.float32)


def beginning(model):
    """[id] of the token that begins a text, if the file says that it is to be put there, else []."""
    library = model.library.llama
    library.llama_vocab_get_add_bos.restype = ctypes.c_bool
    return [library.llama_vocab_bos(model.vocab)] if library.llama_vocab_get_add_bos(model.vocab) else []


class Bench:
    def __init__(self, options):
        self.options, self.library = options, llama.Library(options.libraries)
        self.work = options.output
        os.makedirs(self.work, exist_ok=True)
        self.results_file = os.path.join(self.work, "results.json")
        self.results = json.load(open(self.results_file)) if os.path.exists(self.results_file) else {}
        self.original = self.export(options.model, "original")
        self.reference, self.last = None, (None, None)
        self.dataset = self.calibration()

    def path(self, name):
        return os.path.join(self.work, name)

    def awq(self, *arguments):
        command = [self.options.awq, *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{shlex.join(command)}: {done.stderr.strip().splitlines()[-1]}")

    def export(self, directory, name):
        path = self.path(f"{name}-f32.gguf")
        if name != "original" or not os.path.exists(path):
            self.awq("export", "--model", directory, "--output", path, "--type", "f32", "--overwrite")
        return path

    def oneshot(self, flags, **outputs):
        """`awq oneshot` with the calibration; gives its report."""
        o, report = self.options, self.path("report.json")
        arguments = ["oneshot", "--model", o.model, "--dataset", self.dataset, "--overwrite", "--report", report]
        arguments += ["--num-calibration-samples", str(o.samples), "--max-seq-length", str(o.length)]
        arguments += ["--threads", str(o.threads), *flags, *shlex.split(o.flags)]
        for flag, value in outputs.items():
            arguments += ["--" + flag.replace("_", "-"), value]
        self.awq(*arguments)
        return json.load(open(report))

    def original_importance(self):
        path = self.path("original.imatrix.gguf")
        if not os.path.exists(path):
            self.oneshot(["--smoothing-only", "--no-smoothing"], output_imatrix=path)
        return llama.read_imatrix(path)

    def make(self, method, kind, flags):
        """The file of one method and type, and what the run that made it reports."""
        target = self.path(f"{method}-{kind}.gguf")
        if flags is None:
            importance = self.original_importance() if method == "imatrix" else None
            self.library.quantize(self.original, target, kind, importance, threads=self.options.threads)
            return target, {}
        flags = shlex.split(flags.format(type=kind.lower()))
        if "--type" in flags:
            return target, self.oneshot(flags, output=target)
        source, matrix, report = self.changed(flags)
        importance = None if method == "smoothed" else llama.read_imatrix(matrix)
        self.library.quantize(source, target, kind, importance, threads=self.options.threads)
        return target, report

    def changed(self, flags):
        """A 16-bit checkpoint of `awq oneshot` as float32 file, its importance matrix, the report."""
        if self.last[0] != flags:
            # The directory's name becomes the model's in the file.
            directory = os.path.join(self.path("changed"), os.path.basename(os.path.normpath(self.options.model)))
            matrix = self.path("changed.imatrix.gguf")
            os.makedirs(os.path.dirname(directory), exist_ok=True)
            report = self.oneshot(flags, output=directory, output_imatrix=matrix)
            self.last = flags, (self.export(directory, "changed"), matrix, report)
            shutil.rmtree(directory)
        return self.last[1]

    def calibration(self):
        """The windows to calibrate on, as a file."""
        o = self.options
        path = self.path("calibration.jsonl")
        if o.calibration.endswith(".jsonl"):
            return o.calibration
        if os.path.exists(path):
            return path
        model = llama.Model(self.library, self.original, o.length, o.threads)
        ids = model.tokenize(open(o.calibration, "rb").read(), add_special=False)
        first = beginning(model)
        model.close()
        starts = np.linspace(0, len(ids) - o.length, o.samples).astype(int)
        with open(path, "w") as file:
            for start in starts:
                window = first + ids[start : start + o.length - len(first)]
                file.write(json.dumps({"input_ids": window}, separators=(",", ":")) + "\n")
        return path

    def windows(self, model):
        """Token ids, from the text as a whole."""
        o = self.options
        text = open(o.text, "rb").read(o.windows * o.length * 12)
        ids = model.tokenize(text[: text.rfind(b"\n")], add_special=False)
        first = beginning(model)
        length = o.length - len(first)
        return [first + ids[i * length : (i + 1) * length] for i in range(min(o.windows, len(ids) // length))]

    def prepare_reference(self):
        if self.reference is not None:
            return
        model = llama.Model(self.library, self.original, self.options.length, self.options.threads)
        self.cut = self.windows(model)
        # In a file: with a vocabulary of 256 k a window of 512 has half a GB.
        path, shape = self.path("reference.f32"), (len(self.cut), self.options.length - 1, model.vocab_size)
        if "original" in self.results and os.path.exists(path) and os.path.getsize(path) == 4 * np.prod(shape):
            self.reference = np.memmap(path, np.float32, "r", shape=shape)
            model.close()
            return
        self.reference = np.memmap(path, np.float32, "w+", shape=shape)
        for log_r, ids in zip(self.reference, self.cut):
            log_r[:] = log_softmax(model.logits(ids)[:-1])
        model.close()
        nll = np.mean([-r[np.arange(len(r)), ids[1:]].mean() for r, ids in zip(self.reference, self.cut)])
        self.results["original"] = {"perplexity": float(np.exp(nll)), "bytes": os.path.getsize(self.original),
                                    "windows": len(self.cut), "length": self.options.length}

    def evaluate(self, path):
        """KL, NLL and agreement of a file, per window."""
        self.prepare_reference()
        model = llama.Model(self.library, path, self.options.length, self.options.threads)
        kl, nll, same = [], [], []
        for ids, log_r in zip(self.cut, self.reference):
            log_p = log_softmax(model.logits(ids)[:-1])
            kl.append(float((np.exp(log_r) * (log_r - log_p)).sum(axis=-1, dtype=np.float64).mean()))
            nll.append(float(-log_p[np.arange(len(log_p)), ids[1:]].mean(dtype=np.float64)))
            same.append(float((log_r.argmax(-1) == log_p.argmax(-1)).mean()))
        model.close()
        return {"kl": kl, "nll": nll, "top1": float(np.mean(same))}

    def run(self, method, kind, flags):
        key = f"{kind} {method}"
        if key in self.results and not self.options.again:
            return
        began = time.perf_counter()
        path, report = self.make(method, kind, flags)
        made = time.perf_counter() - began
        entry = self.evaluate(path)
        entry["bytes"] = os.path.getsize(path)
        entry["seconds"] = round(report.get("seconds", {}).get("total", made), 1)
        if report:
            entry["flags"] = f"{flags} {self.options.flags}".strip()
            entry["peak_rss_bytes"] = report["peak_rss_bytes"]
            entry["steps"] = sorted({layer.get("steps", "") for layer in report.get("layers", [])})
        self.results[key] = entry
        with open(self.results_file, "w") as file:
            json.dump(self.results, file)
        if not self.options.keep:
            os.remove(path)
        print(f"{key:24} KL {np.mean(entry['kl']):.5f}  perplexity {np.exp(np.mean(entry['nll'])):.4f}  "
              f"{entry['bytes']} bytes  {entry['seconds']} s", flush=True)


def ratio_to(entry, base):
    """Ratio of mean KL and its standard error over windows."""
    a, b = np.array(entry["kl"]), np.array(base["kl"])
    ratio = a.mean() / b.mean()
    return ratio, (a - ratio * b).std(ddof=1) / np.sqrt(len(a)) / b.mean()


def table(results, kinds, methods):
    """Markdown: a line for each method, a column for each type; KL, ratio to imatrix, perplexity."""
    lines = ["| method | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for method in methods:
        cells = []
        for kind in kinds:
            entry, base = results.get(f"{kind} {method}"), results.get(f"{kind} imatrix")
            if entry is None:
                cells.append("-")
                continue
            cell = f"{np.mean(entry['kl']):.4f}"
            if base is not None:
                ratio, error = ratio_to(entry, base)
                cell += f" ({ratio:.2f} +- {error:.2f})" if method != "imatrix" else " (1)"
            cells.append(cell + f" / {np.exp(np.mean(entry['nll'])):.2f}")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    sizes = []
    for kind in kinds:
        found = {results[f"{kind} {m}"]["bytes"] for m in methods if f"{kind} {m}" in results}
        sizes.append(" / ".join(str(size) for size in sorted(found)))
    lines.append("| bytes | " + " | ".join(sizes) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--awq", required=True, help="the driver")
    parser.add_argument("--model", required=True, help="model directory")
    parser.add_argument("--calibration", required=True, help="text, or JSON lines with input_ids")
    parser.add_argument("--text", required=True, help="evaluation text, not used for calibration")
    parser.add_argument("--output", required=True, help="directory to work in")
    parser.add_argument("--libraries", help="directory of libllama; LLAMA_CPP_LIBRARIES by default")
    parser.add_argument("--types", nargs="+", default=["Q4_0", "Q4_K_M", "Q3_K_M", "Q2_K"])
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--variant", nargs=2, action="append", default=[], metavar=("NAME", "FLAGS"))
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--flags", default="", help="more flags for every `awq oneshot`: \"--loss gram\"")
    parser.add_argument("--again", action="store_true", help="make the given methods again, though they have results")
    parser.add_argument("--keep", action="store_true", help="do not remove the quantized files")
    options = parser.parse_args()
    bench = Bench(options)
    methods = {name: METHODS[name] for name in options.methods} | dict(options.variant)
    for kind in options.types:
        for method, flags in methods.items():
            bench.run(method, kind, flags)
    known = list(dict.fromkeys([*METHODS, *methods]))
    print(f"original: perplexity {bench.results['original']['perplexity']:.3f}" if "original" in bench.results else "")
    print(table(bench.results, options.types, known))


if __name__ == "__main__":
    main()
