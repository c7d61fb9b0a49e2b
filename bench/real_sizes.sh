#!/bin/sh
# SPDX-License-Identifier: MIT
# Seconds by stage and peak memory of runs over blocks in the shape of an 8 B and a 1.1 B Llama.
#
#     bench/real_sizes.sh AWQ WORK
#
# AWQ is the built driver, WORK a directory for checkpoints that are made once (700 MB) and for outputs. To narrow it:
#     SHAPES="8b 1b"  SAMPLES="128"  THREADS="16 1"  PRECISIONS="mixed float32"  JOBS="smooth q4_k_m"
# One line a run; the seconds are of the report, `cpu` those of the processors, memory in MB. At the end, for each job
# that ran with several numbers of threads, how many times faster each step is with the most of them than with the
# fewest. Builds nothing; needs python3 alone. FLAGS="--hidden-states bfloat16" are given to every run.
set -eu
awq=$1 work=$2
here=$(dirname "$0")
shapes=${SHAPES:-8b 1b} samples=${SAMPLES:-128} threads=${THREADS:-$(nproc) 1}
precisions=${PRECISIONS:-mixed float32} jobs=${JOBS:-smooth q4_k_m}
mkdir -p "$work"
rm -f "$work/runs.jsonl"

flags_of() {
    case $1 in
    smooth) echo "--smoothing-only --output $work/out" ;;
    gram) echo "--smoothing-only --loss gram --output $work/out" ;;
    measured) echo "--type q4_k_m --measured-types --output $work/out.gguf" ;;
    *) echo "--type $1 --output $work/out.gguf" ;;
    esac
}

run() { # SHAPE SAMPLES THREADS PRECISION JOB
    # shellcheck disable=SC2046
    python3 - "$@" "$work/report.json" "$awq" oneshot --model "$work/$1" --dataset "$work/ids-$2.jsonl" \
        --num-calibration-samples "$2" --max-seq-length 512 --threads "$3" --precision "$4" --overwrite \
        --report "$work/report.json" $(flags_of "$5") ${FLAGS:-} <<'PYTHON'
import json, os, resource, subprocess, sys
name, report, command = sys.argv[1:6], sys.argv[6], sys.argv[7:]
done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
if done.returncode:
    sys.exit(" ".join(name) + ": " + done.stderr.strip().splitlines()[-1])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
found = json.load(open(report))
stages = " ".join(f"{stage.replace(' ', '-')} {spent:.1f}" for stage, spent in found["seconds"].items() if stage != "total")
print("{:4} {:>4} {:>3} {:8} {:9}".format(*name), f"total {found['seconds']['total']:7.1f}",
      f"cpu {usage.ru_utime + usage.ru_stime:8.1f}", f"peak {usage.ru_maxrss / 1e3:6.0f}  {stages}", flush=True)
with open(os.path.join(os.path.dirname(report), "runs.jsonl"), "a") as runs:
    print(json.dumps({"name": name, "seconds": found["seconds"]}), file=runs)
PYTHON
    rm -rf "$work/out" "$work/out.gguf"
}

for shape in $shapes; do
    [ -f "$work/$shape/model.safetensors" ] || python3 "$here/peer/shapes.py" model "$work/$shape" --shape "$shape"
    for count in $samples; do
        [ -f "$work/ids-$count.jsonl" ] || python3 "$here/peer/shapes.py" ids "$work/ids-$count.jsonl" --samples "$count"
        for job in $jobs; do
            for precision in $precisions; do
                for number in $threads; do run "$shape" "$count" "$number" "$precision" "$job"; done
            done
        done
    done
done

python3 - "$work/runs.jsonl" <<'PYTHON'
import json, sys
jobs = {}
for line in open(sys.argv[1]):
    run = json.loads(line)
    shape, samples, threads, precision, job = run["name"]
    jobs.setdefault((shape, samples, precision, job), {})[int(threads)] = run["seconds"]
for name, by_threads in jobs.items():
    few, many = min(by_threads), max(by_threads)
    if few == many:
        continue
    gains = " ".join(f"{step.replace(' ', '-')} {by_threads[few][step] / max(spent, 1e-3):.1f}"
                     for step, spent in by_threads[many].items() if by_threads[few].get(step, 0) > 0.2)
    print("{:4} {:>4} {:8} {:9}".format(*name), f"{many} threads against {few}: {gains}")
PYTHON
