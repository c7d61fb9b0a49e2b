#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the three umbrella headers and, from them, the three single headers.

    single_include/amalgamate.py               write include/awq/{core,hosted,awq}.hpp and single_include/awq/
    single_include/amalgamate.py --umbrellas   write include/awq/{core,hosted,awq}.hpp only
    single_include/amalgamate.py --check       write nothing; name every file that is out of date, exit 1 if any

core.hpp lists every header that reaches neither hosted code nor a third-party library; hosted.hpp those that need no more
than xtensor, xsimd and TBB; awq.hpp the rest, but for headers of optional libraries (BLAS providers, MPI, CUDA).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"
UMBRELLAS = ("awq/core.hpp", "awq/hosted.hpp", "awq/awq.hpp")  # each includes the one before
FILE_ROOMS = tuple(f"awq/{room}/" for room in ("io", "text", "report", "model", "recipe", "device", "format", "block",
                                               "checkpoint", "evaluate", "allocate", "run"))
HOSTED_MARK = "awq/support/requires_hosted.hpp"
OPTIONAL_LIBRARIES = ("cblas", "openblas", "mkl", "dnnl", "oneapi/dnnl", "mpi", "cuda", "cublas")
INCLUDE_LINE = re.compile(r'^\s*#\s*include\s*<([^>]+)>')
CONDITION_LINE = re.compile(r'^\s*#\s*(if|ifdef|ifndef|endif)\b')
# What awq.hpp includes first, and in the compiled mode alone.
CALLS = "awq/run/calls.hpp"
# Part of the language's implementation, not a library: the core may use them behind a test macro.
COMPILER_HEADERS = {"immintrin.h", "xmmintrin.h", "arm_neon.h", "bit", "version"}

UMBRELLA_TEXT = """// SPDX-License-Identifier: MIT
// Written by single_include/amalgamate.py; do not edit.
#ifndef {guard}
#define {guard}

/// {purpose}
{includes}

#endif
"""
PURPOSES = ("Everything that needs no heap, exceptions, RTTI, threads or third-party library.",
            "The core with xtensor, TBB and fast matrix products: tensors in memory, no files and no models.",
            "Everything but the headers of optional libraries, which are included by name; in the compiled mode only the\n"
            "/// calls on whole models.")


def text_of(name):
    return (INCLUDE / name).read_text(encoding="ascii")


def includes_of(name):
    return [m.group(1) for m in map(INCLUDE_LINE.match, text_of(name).splitlines()) if m]


def reach_of(name, known):
    """All headers, ours and foreign, that `name` reaches."""
    if name not in known:
        known[name] = set()
        for included in includes_of(name):
            known[name].add(included)
            if (INCLUDE / included).is_file():
                known[name] |= reach_of(included, known)
    return known[name]


def is_third_party(header):
    return not header.startswith(("awq/", "sys/")) and ("/" in header or header.endswith(".h")) \
        and header not in COMPILER_HEADERS


def tier_of(name, reached):
    """The place in UMBRELLAS where a header belongs."""
    if name.startswith(FILE_ROOMS):
        return 2
    return 1 if HOSTED_MARK in reached or any(map(is_third_party, reached)) else 0


def umbrellas():
    names = sorted(p.relative_to(INCLUDE).as_posix() for p in (INCLUDE / "awq").rglob("*.hpp"))
    known = {}
    tiers = ([], [UMBRELLAS[0]], [UMBRELLAS[1]])
    for name in names:
        if name in UMBRELLAS or name == HOSTED_MARK:
            continue
        reached = reach_of(name, known)
        missing = [h for h in reached if h.startswith("awq/") and not (INCLUDE / h).is_file()]
        if missing:
            print(f"{name} is left out, it reaches what does not exist: {' '.join(missing)}", file=sys.stderr)
        elif not any(h.startswith(OPTIONAL_LIBRARIES) for h in reached):
            tiers[tier_of(name, reached)].append(name)
    texts = {}
    for name, purpose, listed in zip(UMBRELLAS, PURPOSES, tiers):
        guard = name.upper().replace("/", "_").replace(".", "_")
        lines = "\n".join(f"#include <{header}>" for header in sorted(listed) if header != CALLS)
        if CALLS in listed:
            lines = f"#include <{CALLS}>\n\n#if AWQ_HEADER_ONLY || defined(AWQ_IMPLEMENTATION)\n{lines}\n#endif"
        texts[name] = UMBRELLA_TEXT.format(guard=guard, purpose=purpose, includes=lines)
    return texts


def expand(name, texts, seen, out):
    """Appends `name` with our own includes replaced by their text, each once."""
    seen.add(name)
    depth = 0
    out.append(f"// ---- {name}")
    for number, line in enumerate((texts.get(name) or text_of(name)).splitlines(), 1):
        condition = CONDITION_LINE.match(line)
        if condition:
            depth += -1 if condition.group(1) == "endif" else 1
        included = INCLUDE_LINE.match(line)
        if included and included.group(1).startswith("awq/"):
            if depth > 1 and name not in UMBRELLAS: # of an umbrella nothing but the rest is inside #if
                sys.exit(f"{name}:{number}: an include of ours inside #if cannot be amalgamated")
            if included.group(1) not in seen:
                expand(included.group(1), texts, seen, out)
        elif not line.startswith(("// SPDX-License-Identifier", "// Written by single_include")):
            out.append(line)


def single_header(name, texts):
    version = re.search(r'AWQ_VERSION_STRING "([^"]+)"', text_of("awq/version.hpp")).group(1)
    out = ["// SPDX-License-Identifier: MIT",
           f"// awq {version}, {name} in one file. Written by single_include/amalgamate.py; do not edit.", ""]
    expand(name, texts, set(), out)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)) + "\n"


def main(arguments):
    if set(arguments) - {"--umbrellas", "--check"}:
        sys.exit(__doc__)
    umbrella_texts = umbrellas()
    files = {INCLUDE / name: text for name, text in umbrella_texts.items()}
    if "--umbrellas" not in arguments:
        files |= {ROOT / "single_include" / name: single_header(name, umbrella_texts) for name in UMBRELLAS}
    stale = [p for p, text in files.items() if not p.exists() or p.read_text(encoding="ascii") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run single_include/amalgamate.py")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(files[path], encoding="ascii")
    return 0


sys.exit(main(sys.argv[1:]))
