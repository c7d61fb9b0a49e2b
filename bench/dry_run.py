#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `awq oneshot --dry-run` predicts against what the run then takes.

    bench/dry_run.py AWQ MODEL TEXT FLAGS...        FLAGS: those of `awq oneshot` but for its output, as in --type q4_k_m

One line: seconds and peak memory, predicted / measured; then each step the same way.
"""
import json
import re
import subprocess
import sys
import tempfile


def main(awq, model, text, *flags):
    with tempfile.TemporaryDirectory() as work:
        output = f"{work}/out" + (".gguf" if "--type" in flags else "")
        report = f"{work}/report.json"
        command = [awq, "oneshot", "--model", model, "--dataset", text, *flags, "--output", output]
        dry = subprocess.run([*command, "--dry-run"], capture_output=True, text=True)
        if dry.returncode:
            sys.exit(dry.stderr.strip().splitlines()[-1])
        predicted = {step: float(value) for step, value in re.findall(r"predicted +(\w+) +([\d.]+) s", dry.stdout)}
        memory = float(re.search(r"peak RSS +([\d.]+) GB", dry.stdout)[1])
        done = subprocess.run([*command, "--report", report], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr.strip().splitlines()[-1])
        with open(report) as file:
            found = json.load(file)
    seconds, peak = found["seconds"], found["peak_rss_bytes"] / 1e9
    off = predicted["total"] / seconds["total"] - 1
    print(f"seconds {predicted['total']:.1f} / {seconds['total']:.1f} ({off:+.0%})",
          f"GB {memory:.2f} / {peak:.2f} ({memory / peak - 1:+.0%}) ",
          " ".join(f"{step} {predicted.get(step, 0):.1f}/{value:.1f}" for step, value in seconds.items() if step != "total"))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
