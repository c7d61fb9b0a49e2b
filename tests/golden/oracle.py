# SPDX-License-Identifier: MIT
"""What the scripts of this directory share: token ids, hashes, memory, short floats."""

import ctypes
import json
import os
import resource
import subprocess
import tempfile

import numpy as np


def fnv1a(data):
    """FNV-1a, 64 bits, of a bytes-like object, as 16 hex digits."""
    return f"{_fnv_function()(bytes(data), len(data)):016x}"


def _fnv_function():
    if not hasattr(_fnv_function, "cached"):
        _fnv_function.cached = _compiled_fnv() or _plain_fnv
    return _fnv_function.cached


def _plain_fnv(data, _size):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def _compiled_fnv():
    """The same loop through the system's C compiler, or None when there is none."""
    source = (
        "#include <stddef.h>\n#include <stdint.h>\n"
        "uint64_t fnv(const unsigned char* p, size_t n) { uint64_t v = 0xcbf29ce484222325u;"
        " for (size_t i = 0; i < n; ++i) v = (v ^ p[i]) * 0x100000001b3u; return v; }\n"
    )
    folder = tempfile.mkdtemp()
    with open(f"{folder}/fnv.c", "w") as file:
        file.write(source)
    try:
        command = ["cc", "-O2", "-shared", "-fPIC", f"{folder}/fnv.c", "-o", f"{folder}/fnv.so"]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    function = ctypes.CDLL(f"{folder}/fnv.so").fnv
    function.restype = ctypes.c_uint64
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return function


def tensor_bytes(tensor):
    """The little-endian bytes of a tensor of any dtype."""
    import torch

    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def short(value):
    """A float whose shortest decimal names the nearest float32; None when it is not finite."""
    value = np.float32(value)
    return float(str(value)) if np.isfinite(value) else None


def shorts(values):
    """`short` of every element of a tensor or list."""
    return [short(v) for v in np.asarray(values, dtype=np.float32).reshape(-1)]


def peak_rss_bytes():
    """This process's largest resident set so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def rss_bytes():
    """This process's resident set now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def write_windows(model, text, path, count, length):
    """Tokenizes `text` without special tokens and writes its first windows, one JSON line each."""
    from transformers import AutoTokenizer

    with open(text, encoding="utf-8", newline="") as file:
        ids = AutoTokenizer.from_pretrained(model)(file.read(), add_special_tokens=False)["input_ids"]
    if len(ids) < count * length:
        raise SystemExit(f"{text}: {len(ids)} tokens, {count * length} needed")
    with open(path, "w") as file:
        for i in range(count):
            window = ids[i * length : (i + 1) * length]
            file.write(json.dumps({"input_ids": window}, separators=(",", ":")) + "\n")


def read_windows(path):
    """The windows of a JSON-lines file with `input_ids`, in file order."""
    with open(path) as file:
        return [json.loads(line)["input_ids"] for line in file if line.strip()]


def loader(windows):
    """A loader that yields the windows one by one, in order, as llm-compressor takes them."""
    import torch

    rows = [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in windows]

    def collate(batch):
        return {k: torch.tensor([row[k] for row in batch]) for k in batch[0]}

    return torch.utils.data.DataLoader(rows, batch_size=1, shuffle=False, collate_fn=collate)


def without_accelerator():
    """llm-compressor 0.14 pins the cached arguments for an accelerator and fails where there is
    none; pinning changes where values lie, not the values, so here it does nothing."""
    import torch
    from llmcompressor.pipelines.cache import IntermediatesCache

    if not torch.accelerator.is_available():
        IntermediatesCache.pin_memory = lambda self, batch_index: None


def versions():
    """The versions of the peers that made the numbers."""
    from importlib.metadata import version

    names = ["llmcompressor", "compressed-tensors", "transformers", "torch"]
    return {name: version(name) for name in names}
