"""Golden hashes of GGUF quantization and dequantization, made by ggml's own library.

usage: gguf_quantize.py LIBGGML_BASE.so > ../data/gguf_quantize.txt

LIBGGML_BASE.so: libggml-base of a llama.cpp build without fused multiply-add; the committed hashes come from
llama.cpp v0.5.0 (ggml 0.25.1) as the npm package @node-llama-cpp/linux-x64 3.22.1 ships it.
The rows are made of integers and exact operations, so that tests/quantization_gguf/sample_rows.hpp makes the same ones.
"""
import ctypes
import math
import struct
import sys

import numpy as np

TYPES = {"F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22), "Q5_1": (7, 32, 24),
         "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144),
         "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "IQ4_NL": (20, 32, 18), "BF16": (30, 1, 2),
         "MXFP4": (39, 32, 17), "NVFP4": (40, 64, 36)}
KINDS = ["normal", "heavy", "bf16", "constant_groups", "outliers", "denormal", "huge", "positive", "negative",
         "two_values", "sparse", "wild", "graded", "tiny", "zero", "flat_negative", "near_one"]
IMPORTANCE = ["none", "even", "steep", "gaps", "rare"]
ROWS, COLUMNS = 4, 1536


class Numbers:
    def __init__(self, seed):
        self.state = seed

    def word(self):
        self.state = (1664525 * self.state + 1013904223) & 0xFFFFFFFF
        return self.state

    def bell(self):
        """About normal, from -4 to 4: the sum of four uniform numbers."""
        return sum((self.word() >> 8) - (1 << 23) for _ in range(4)) / (1 << 22) / 2


def value(kind, i, numbers):
    bell, word = numbers.bell(), numbers.word()
    if kind == "normal":
        return bell / 64
    if kind == "heavy":
        return bell / (1 + (word >> 24))
    if kind == "bf16":
        return struct.unpack("<f", struct.pack("<I", (struct.unpack("<I", struct.pack("<f", bell / 32))[0] >> 16) << 16))[0]
    if kind == "constant_groups":
        return 0.25 * (i // 64 % 5) if i // 32 % 3 == 0 else (0.0 if word >> 31 else bell)
    if kind == "outliers":
        return bell if word >> 24 == 0 else math.ldexp(bell, -20)
    if kind == "denormal":
        return math.ldexp(bell, -130)
    if kind == "huge":
        return math.ldexp(bell, 122)
    if kind == "positive":
        return abs(bell) + (3 if i // 256 % 2 == 0 else 0)
    if kind == "negative":
        return -abs(bell) - (3 if i // 256 % 2 == 0 else 0)
    if kind == "two_values":
        return 0.5 if i // 16 % 2 else -0.125
    if kind == "sparse":
        return bell if word >> 26 == 0 else 0.0
    if kind == "wild":
        bits = word & ~(1 << 30) if (word >> 23 & 255) == 255 else word
        return struct.unpack("<f", struct.pack("<I", bits))[0]
    if kind == "graded":
        return math.ldexp(bell, -(i // 32 % 24))
    if kind == "tiny":
        return math.ldexp(bell, -50 - i // 256 % 8)
    if kind == "flat_negative":
        return -3 - math.ldexp(abs(bell), (word >> 29) - 6)
    if kind == "near_one":
        return -1 + math.ldexp((word >> 8 & 7) - 3, (word >> 29) - 12)
    return -0.0 if word >> 31 else 0.0


def row(kind, seed):
    numbers = Numbers(seed)
    return np.array([value(kind, i, numbers) for i in range(COLUMNS)], dtype=np.float64).astype(np.float32)


def importance(kind, seed):
    numbers = Numbers(seed)
    words = [numbers.word() for _ in range(COLUMNS)]
    if kind == "even":
        values = [(1 + (w >> 24)) / 64 for w in words]
    elif kind == "steep":
        values = [math.ldexp(1 + (w >> 8 & 255), -(w >> 27)) for w in words]
    elif kind == "rare":
        values = [math.ldexp(1 + (w >> 8 & 255), -(w >> 24 & 15)) if w >> 29 == 0 else 0.0 for w in words]
    else:
        values = [0.0 if w >> 31 else (1 + (w >> 8 & 255)) / 16 for w in words]
    return np.array(values, dtype=np.float32)


def fnv(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = ((state ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
                                            ctypes.c_int64, ctypes.c_void_p]
    for index, kind in enumerate(KINDS):
        rows = np.stack([row(kind, 1000 * index + r) for r in range(ROWS)])
        for how_index, how in enumerate(IMPORTANCE):
            weights = None if how == "none" else importance(how, 77 + how_index)
            for name, (number, elements, size) in TYPES.items():
                out = np.zeros(rows.size // elements * size, dtype=np.uint8)
                library.ggml_quantize_chunk(number, rows.ctypes.data, out.ctypes.data, 0, ROWS, COLUMNS,
                                            None if weights is None else weights.ctypes.data)
                print("quantize", name, kind, how, fnv(out.tobytes()))
    for name, (number, elements, size) in TYPES.items():
        if elements == 1:
            continue
        numbers = Numbers(number)
        data = bytes(numbers.word() >> 24 for _ in range(40 * size))
        out = np.zeros(40 * elements, dtype=np.float32)
        symbol = "dequantize_row_" + (name[:-1].lower() + "K" if name.endswith("K") else name.lower())
        getattr(library, symbol)(data, ctypes.c_void_p(out.ctypes.data), ctypes.c_int64(out.size))
        out[np.isnan(out)] = np.nan
        bits = out.view(np.uint32)
        bits[np.isnan(out)] = 0x7FC00000
        print("dequantize", name, fnv(out.tobytes()))


main()
