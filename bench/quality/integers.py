# SPDX-License-Identifier: MIT
"""The quality table of the integer schemes: round-to-nearest, llm-compressor and awq, step by step.

    python bench/quality/integers.py --model DIR --calibration TEXT --evaluation TEXT --output DIR

Runs llm-compressor (peers.py, in its own processes) and `awq oneshot` on the same windows of token
ids, scores all results with `awq eval` against the unquantized model on text that was not used for
calibration, and prints a table: perplexity, mean KL divergence in nats, top-1 agreement. What is
there already in --output is not made again, so a run that was stopped goes on.
"""

import argparse
import json
import os
import resource
import subprocess
import sys

import peers

FORMS = {
    "w4_g128": ["--scheme", "W4A16_ASYM", "--group-size", "128"],
    "w4_g32": ["--scheme", "W4A16_ASYM", "--group-size", "32"],
    "w3_g128": ["--scheme", "W3A16_ASYM", "--group-size", "128"],
    "w3_g64": ["--scheme", "W3A16_ASYM", "--group-size", "64"],
    "w4_channel": ["--scheme", "W4A16_ASYM", "--group-size", "0"],
}


def steps(importance=False, clip=1, feedback=False, target=0, *more):
    """The flags of the steps that choose the codes."""
    words = ["--importance", str(importance).lower(), "--clip-steps", str(clip)]
    return words + ["--error-feedback", str(feedback).lower(), "--least-squares", str(target), *more]


RUNS = {
    "round to nearest": steps(False, 1, False, 0, "--no-smoothing"),
    "AWQ, Gram loss": steps(False, 1, False, 0, "--loss", "gram"),
    "AWQ, parent-output loss": steps(False, 1, False, 0, "--loss", "parent-output"),
    "AWQ (screened loss)": steps(),
    "AWQ with v_proj -> o_proj": steps(False, 1, False, 0, "--smooth-grouped-query"),
    "AWQ + clipping": steps(True, 20),
    "AWQ + clipping, searched together": steps(True, 20, False, 0, "--search-clipping"),
    "error feedback": steps(True, 1, True, 0, "--no-smoothing"),
    "AWQ + error feedback": steps(True, 1, True),
    "AWQ + clipping + error feedback": steps(True, 20, True),
    "AWQ + error feedback + least squares": steps(True, 1, True, 0.2),
    "all (the default)": [],
    "all, searched together with clipping": ["--search-clipping"],
    "all, with v_proj -> o_proj": ["--smooth-grouped-query"],
    "all but AWQ": ["--no-smoothing"],
}
BRIEF = ["round to nearest", "AWQ (screened loss)", "all (the default)"]
PEERS = {
    "llm-compressor AWQ": ("smooth", "rtn"),
    "llm-compressor AWQ, then GPTQ": ("smooth", "gptq"),
    "llm-compressor GPTQ": (None, "gptq"),
}


def run_awq(options, name, scheme):
    """A directory with the result of one run of `awq oneshot`, its processor seconds, its memory."""
    os.makedirs(os.path.join(options.output, scheme), exist_ok=True)
    target = os.path.join(options.output, scheme, name.replace(" ", "_").replace(">", ""))
    report = target + ".json"
    if not os.path.exists(report):
        command = [options.awq, "oneshot", "--model", options.model, "--dataset", options.ids]
        command += ["--num-calibration-samples", str(options.samples), "--output", target]
        command += ["--overwrite", "--report", report] + FORMS[scheme] + RUNS[name]
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(target + ".cost.json", "w") as file:
            json.dump(ended.ru_utime - began.ru_utime + ended.ru_stime - began.ru_stime, file)
    with open(target + ".cost.json") as file:
        seconds = json.load(file)
    with open(report) as file:
        return target, seconds, json.load(file)["peak_rss_bytes"]


def run_peer(options, name, scheme):
    """The same for llm-compressor, in float32. AWQ runs once a scheme, and its smoothed model is then
    rounded to nearest or by GPTQ (which, in one recipe with AWQ, would see the inputs as they were
    before smoothing)."""
    folder = os.path.join(options.output, "peers")
    smoothing, rounding = PEERS[name]
    model, seconds, peak = options.model, 0, 0
    for method in filter(None, (smoothing, rounding)):
        command = [sys.executable, peers.__file__, "--model", model, "--ids", options.ids]
        command += ["--samples", str(options.samples), "--methods", method, "--schemes", scheme]
        command += ["--threads", str(options.threads), "--output", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        model, folder = os.path.join(folder, f"{method}_{scheme}"), os.path.join(folder, "smoothed")
        with open(os.path.join(model, "peer.json")) as file:
            made = json.load(file)
        seconds, peak = seconds + made["processor_seconds"], max(peak, made["peak_rss_bytes"])
    return model, seconds, peak


def score(options, directory):
    """The figures of `awq eval`."""
    report = directory.rstrip("/") + ".eval.json"
    if not os.path.exists(report):
        command = [options.awq, "eval", "--model", directory, "--reference", options.model]
        command += ["--dataset", options.evaluation, "--report", report]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(report) as file:
        return json.load(file)


def row(name, made, figures, base):
    """A line of the table; `base`: the divergence of llm-compressor's AWQ."""
    ratio = f"{figures['kl_divergence'] / base:.2f}" if base else ""
    cells = [name, f"{figures['perplexity']:.3f}", f"{figures['kl_divergence']:.4f}", ratio,
             f"{100 * figures['top1_agreement']:.1f} %", f"{made[1]:.0f}", f"{made[2] / 2**20:.0f}"]
    print("| " + " | ".join(cells) + " |", flush=True)


def table(options, scheme):
    """All lines of one scheme."""
    print(f"\n### {os.path.basename(options.model.rstrip('/'))}, {scheme}\n")
    print("| | perplexity | KL | to llm-compressor's AWQ | top-1 | CPU seconds | peak MB |")
    print("|---|---|---|---|---|---|---|")
    base = None
    for name in PEERS if not options.no_peers else ():
        made = run_peer(options, name, scheme)
        figures = score(options, made[0])
        base = base or figures["kl_divergence"]
        row(name, made, figures, base)
    for name in RUNS if scheme in options.every_step else BRIEF:
        made = run_awq(options, name, scheme)
        row(name, made, score(options, made[0]), base)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--calibration", required=True, help="text")
    parser.add_argument("--evaluation", required=True, help="text, or JSON lines with input_ids")
    parser.add_argument("--output", required=True)
    parser.add_argument("--awq", default="build/bin/awq", help="the driver")
    parser.add_argument("--samples", type=int, default=64, help="windows of 512 tokens")
    parser.add_argument("--threads", type=int, default=2, help="of llm-compressor")
    parser.add_argument("--schemes", nargs="+", default=["w4_g128", "w4_g32", "w3_g128", "w4_channel"],
                        choices=list(FORMS))
    parser.add_argument("--every-step", nargs="*", default=["w4_g128", "w3_g128"],
                        help="schemes with a line for each step")
    parser.add_argument("--no-peers", action="store_true", help="awq alone")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    options.ids = os.path.join(options.output, "calibration.jsonl")
    options.text, options.max_seq_length = options.calibration, 512
    if not os.path.exists(options.ids):
        peers.write_ids(options)
    print("original", json.dumps(score_original(options)))
    for scheme in options.schemes:
        table(options, scheme)


def score_original(options):
    """Perplexity of the unquantized model."""
    report = os.path.join(options.output, "original.json")
    command = [options.awq, "eval", "--model", options.model, "--dataset", options.evaluation]
    subprocess.run(command + ["--report", report], check=True, stdout=subprocess.DEVNULL)
    with open(report) as file:
        return json.load(file)


if __name__ == "__main__":
    main()
