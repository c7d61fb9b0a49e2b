# SPDX-License-Identifier: MIT
"""Runs llm-compressor and awq in turn on blocks of real shapes and prints the goals beside the medians.

    python3 bench/peer/compare.py --awq build/bin/awq --work DIR

The first run makes a virtual environment in DIR and installs the peers there. Without network: --wheels DIR, wheels of
what this Python lacks (llmcompressor, compressed-tensors and what they need); they are unpacked into the work
directory, and this Python's own torch and transformers are used. --no-peers times awq alone.

Smoothing only against llm-compressor's AWQModifier and W4A16_ASYM with the same samples; of it the best of the types
asked for counts. With fewer --peer-samples its time is multiplied up to those of awq, as it grows in proportion.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = ["llmcompressor>=0.14", "torch", "transformers"]
# What awq does: flags, and the peer's types that it is compared with.
JOBS = {
    "smooth": ["--smoothing-only"],
    "q4_k_m": ["--type", "q4_k_m"],
}
# Shape, job, precision of awq, what is wanted of it: seconds, and times faster than the peer.
GOALS = [
    ("8b", "smooth", "mixed", 8.0, 25.0),
    ("8b", "q4_k_m", "mixed", 20.0, None),
    ("8b", "smooth", "float32", None, 8.0),
    ("1b", "smooth", "mixed", None, 15.0),
    ("1b", "smooth", "float32", None, 8.0),
    ("1b", "q4_k_m", "mixed", None, None),
]


def python_with_peers(options):
    """The interpreter that has the peers, and its environment."""
    environment = dict(os.environ)
    if options.wheels:
        site = os.path.join(options.work, "site")
        if not os.path.isdir(site):
            wheels = [os.path.join(options.wheels, name) for name in os.listdir(options.wheels) if name.endswith(".whl")]
            command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", site]
            subprocess.run(command + wheels, check=True)
        environment["PYTHONPATH"] = site
        return sys.executable, environment
    python = os.path.join(options.work, "venv", "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", os.path.join(options.work, "venv")], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q"] + PEERS, check=True)
    return python, environment


def prepare(options, shape):
    """The checkpoint of a shape and the samples, made once."""
    model = os.path.join(options.work, shape)
    ids = os.path.join(options.work, f"ids-{options.samples}.jsonl")
    script = os.path.join(HERE, "shapes.py")
    if not os.path.exists(os.path.join(model, "model.safetensors")):
        subprocess.run([sys.executable, script, "model", model, "--shape", shape], check=True)
    if not os.path.exists(ids):
        subprocess.run([sys.executable, script, "ids", ids, "--samples", str(options.samples)], check=True)
    return model, ids


def run_peer(options, shape, kind):
    """Seconds, processor seconds and peak memory (MB) of llm-compressor."""
    model, ids = prepare(options, shape)
    python, environment = python_with_peers(options)
    environment["OMP_NUM_THREADS"] = str(options.threads)
    if options.peer_isa:
        environment["ONEDNN_MAX_CPU_ISA"] = {"avx2": "AVX2", "avx512": "AVX512_CORE"}[options.peer_isa]
        environment["ATEN_CPU_CAPABILITY"] = options.peer_isa
        environment["MKL_ENABLE_INSTRUCTIONS"] = options.peer_isa.upper()
    command = [python, os.path.join(HERE, "llm_compressor.py"), model, ids, str(options.peer_samples), kind]
    done = subprocess.run(command + [str(options.threads)], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit("llm-compressor failed:\n" + done.stderr[-2000:])
    found = json.loads(done.stdout.strip().splitlines()[-1])
    share = options.samples / options.peer_samples
    return found["seconds"] * share, found["cpu"] * share, found["peak"]


def run_awq(options, shape, job, precision):
    """Seconds, processor seconds and peak memory (MB) of awq: the whole run, reading and writing included."""
    model, ids = prepare(options, shape)
    with tempfile.TemporaryDirectory(dir=options.work) as place:
        report = os.path.join(place, "report.json")
        output = os.path.join(place, "out" if job == "smooth" else "out.gguf")
        command = [options.awq, "oneshot", "--model", model, "--dataset", ids, "--max-seq-length", "512"]
        command += ["--num-calibration-samples", str(options.samples), "--threads", str(options.threads)]
        command += ["--precision", precision, "--output", output, "--report", report] + JOBS[job]
        command += ["--instruction-set", options.instruction_set] if options.instruction_set else []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit("awq failed: " + done.stderr.strip()[-2000:])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        with open(report) as file:
            found = json.load(file)
    return found["seconds"]["total"], busy, found["peak_rss_bytes"] / 1e6


def show(name, runs):
    seconds = [run[0] for run in runs]
    spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
    print(f"| {name} | {statistics.median(seconds):.1f} | {spread} | {statistics.median(run[1] for run in runs):.1f} | "
          f"{max(run[2] for run in runs):.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--awq", required=True, help="the built driver")
    parser.add_argument("--work", required=True, help="directory for checkpoints, the peers and outputs")
    parser.add_argument("--shapes", nargs="+", default=["1b", "8b"], choices=["1b", "8b"])
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--precisions", nargs="+", default=["mixed", "float32"])
    parser.add_argument("--samples", type=int, default=128, help="of 512 tokens")
    parser.add_argument("--peer-samples", type=int, help="fewer for the peer; its time is multiplied up")
    parser.add_argument("--peer-types", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--wheels", help="directory of wheels, where there is no network")
    parser.add_argument("--instruction-set", help="of awq: x86-64-v3 ...; with --peer-isa")
    parser.add_argument("--peer-isa", choices=["avx2", "avx512"], help="the most that the peer uses")
    options = parser.parse_args()
    options.work = os.path.abspath(options.work)
    options.peer_samples = options.peer_samples or options.samples
    os.makedirs(options.work, exist_ok=True)

    results = {}
    for _ in range(options.rounds):  # in turn, so that what else the machine does meets all alike
        for shape in options.shapes:
            for job in options.jobs:
                for precision in options.precisions:
                    key = (shape, job, precision)
                    results.setdefault(key, []).append(run_awq(options, *key))
            for kind in [] if options.no_peers else options.peer_types:
                results.setdefault((shape, "llm-compressor", kind), []).append(run_peer(options, shape, kind))

    print(f"\n{options.samples} x 512 tokens, one block, {options.threads} threads, median of {options.rounds} rounds"
          + (f"; llm-compressor: {options.peer_samples} samples, multiplied up"
             if options.peer_samples != options.samples else ""))
    print("\n| shape, job, precision | seconds | spread | processor seconds | peak MB |\n|---|---|---|---|---|")
    for key, runs in results.items():
        show(", ".join(key), runs)
    print("\n| goal | wanted | measured | |\n|---|---|---|---|")
    median = {key: statistics.median(run[0] for run in runs) for key, runs in results.items()}
    for shape, job, precision, seconds, times in GOALS:
        own = median.get((shape, job, precision))
        peers = [value for key, value in median.items() if key[:2] == (shape, "llm-compressor")]
        name = f"{shape}, {job}, {precision}"
        if own and seconds:
            print(f"| {name} | {seconds:.0f} s | {own:.1f} s | {'met' if own <= seconds else 'missed'} |")
        if own and times and peers:
            ratio = min(peers) / own
            print(f"| {name} | {times:.0f} x llm-compressor | {ratio:.1f} x | {'met' if ratio >= times else 'missed'} |")


if __name__ == "__main__":
    main()
