#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Code size and stack depth of the core for small processors: the table in README.md.

    tests/cross/sizes.py          needs Debian's gcc-arm-none-eabi and libstdc++-arm-none-eabi-newlib

Code is the text of one object file, -Os, without the C library; stack is the deepest chain of calls in it (from
GCC's call graph), without what the C library's pow and printf take.
"""
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMPILER = ["arm-none-eabi-g++", "-std=c++20", "-Os", "-mthumb", "-fno-exceptions", "-fno-rtti", "-DAWQ_HOSTED=0",
            f"-I{ROOT}/include", "-fcallgraph-info=su", "-Wno-psabi", "-c", "-o", "unit.o"]
PROCESSORS = {
    "Cortex-M0+": ["-mcpu=cortex-m0plus"],
    "Cortex-M4": ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
    "Cortex-M4, AWQ_FLOAT_SUMS": ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-DAWQ_FLOAT_SUMS=1"],
    "Cortex-M7": ["-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"],
}
PROGRAMS = {
    "smooth": "modifier/smooths_only.cpp",
    "quantize": "modifier/quantizes.cpp",
    "Q4_K row": "cross/q4_k_row.cpp",
}


def deepest(graph):
    """Bytes of the longest chain of calls."""
    own = {name: int(size) for name, size in re.findall(r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes', graph)}
    calls = {}
    for caller, callee in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', graph):
        calls.setdefault(caller, set()).add(callee)
    known = {}

    def depth(name):
        if name not in known:
            known[name] = 0  # no recursion in the core; a cycle would end here
            known[name] = own.get(name, 0) + max(map(depth, calls.get(name, ())), default=0)
        return known[name]

    return max(map(depth, own))


def measure(source, flags, folder):
    subprocess.run([*COMPILER, *flags, str(ROOT / "tests" / source)], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    text = subprocess.run(["arm-none-eabi-size", "unit.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
    return int(text.split("\n")[1].split()[0]), deepest((pathlib.Path(folder) / "unit.ci").read_text())


def main():
    print("| processor | " + " | ".join(f"{name}: code, stack" for name in PROGRAMS) + " |")
    print("|---" * (len(PROGRAMS) + 1) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for processor, flags in PROCESSORS.items():
            cells = [measure(source, flags, folder) for source in PROGRAMS.values()]
            print(f"| {processor} | " + " | ".join(f"{code / 1000:.1f} KB, {stack} B" for code, stack in cells) + " |")


if __name__ == "__main__":
    main()
