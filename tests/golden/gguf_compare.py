#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares two GGUF files key by key and tensor by tensor (bytes), or prints checksums of one.

  gguf_compare.py A.gguf B.gguf [--ignore KEY]...    prints every difference; exit code 1 if there is one
  gguf_compare.py --digest A.gguf                    one line a key and a tensor, with CRC-32 of its bytes

Order of keys and of tensors is reported but is no difference. A parser of its own: no packages needed.
"""
import argparse
import struct
import sys
import zlib

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
LETTERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
KINDS = ["u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "str", "arr", "u64", "i64", "f64"]
TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
         7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
         12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 20: ("IQ4_NL", 32, 18),
         30: ("BF16", 1, 2), 39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36)}


class Gguf:
    def __init__(self, path):
        self.data, self.at = open(path, "rb").read(), 4
        if self.data[:4] != b"GGUF":
            sys.exit(f"{path}: no GGUF file")
        self.version, tensors, keys = self.take("I"), self.take("Q"), self.take("Q")
        self.keys = {}  # name -> (kind, element kind, count, raw bytes)
        for _ in range(keys):
            name = self.text().decode()
            self.keys[name] = self.value(self.take("I"))
        infos = []
        for _ in range(tensors):
            name = self.text().decode()
            dims = [self.take("Q") for _ in range(self.take("I"))]
            infos.append((name, dims, self.take("I"), self.take("Q")))
        start = -(-self.at // 32) * 32
        self.tensors = {}  # name -> (type, dims, bytes)
        for name, dims, kind, offset in infos:
            label, block, size = TYPES[kind]
            count = 1
            for dim in dims:
                count *= dim
            self.tensors[name] = (label, dims, self.data[start + offset:start + offset + count // block * size])

    def take(self, letter):
        (number,) = struct.unpack_from("<" + letter, self.data, self.at)
        self.at += struct.calcsize(letter)
        return number

    def text(self):
        size = self.take("Q")
        self.at += size
        return self.data[self.at - size:self.at]

    def value(self, kind):
        if kind == 8:
            return (8, 8, 1, self.text())
        element, count = (self.take("I"), self.take("Q")) if kind == 9 else (kind, 1)
        begin = self.at
        if element == 8:
            for _ in range(count):
                self.text()
        else:
            self.at += SIZES[element] * count
        return (kind, element, count, self.data[begin:self.at])


def show(value):
    kind, element, count, raw = value
    if kind == 8:
        return "str " + repr(raw.decode(errors="replace"))[:80]
    if kind == 9:
        return f"{count} x {KINDS[element]}, CRC {zlib.crc32(raw):08x}"
    return f"{KINDS[kind]} {struct.unpack('<' + LETTERS[kind], raw)[0]}"


def compare(a, b, ignore):
    differences = []
    for key in sorted(set(a.keys) | set(b.keys)):
        if key in ignore or a.keys.get(key) == b.keys.get(key):
            continue
        first, second = (show(f.keys[key]) if key in f.keys else "absent" for f in (a, b))
        differences.append(f"key {key}: {first} | {second}")
    for name in sorted(set(a.tensors) | set(b.tensors)):
        if name not in a.tensors or name not in b.tensors:
            differences.append(f"tensor {name}: only in {'the second' if name not in a.tensors else 'the first'}")
            continue
        (ta, da, xa), (tb, db, xb) = a.tensors[name], b.tensors[name]
        if (ta, da) != (tb, db):
            differences.append(f"tensor {name}: {ta} {da} | {tb} {db}")
        elif xa != xb:
            size = TYPES[next(k for k, v in TYPES.items() if v[0] == ta)][2]
            blocks = sum(xa[i:i + size] != xb[i:i + size] for i in range(0, len(xa), size))
            differences.append(f"tensor {name}: {blocks} of {len(xa) // size} blocks of {ta} differ")
    return differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--ignore", action="append", default=[])
    parser.add_argument("--digest", action="store_true")
    options = parser.parse_args()
    files = [Gguf(path) for path in options.files]
    if options.digest:
        for key, (kind, element, count, raw) in files[0].keys.items():
            print("key", key, KINDS[kind], KINDS[element], count, f"{zlib.crc32(raw):08x}")
        for name, (label, dims, raw) in sorted(files[0].tensors.items()):
            print("tensor", name, label, "x".join(map(str, dims)), f"{zlib.crc32(raw):08x}")
        return
    a, b = files
    differences = compare(a, b, options.ignore)
    print("\n".join(differences) or f"same {len(a.keys)} keys and {len(a.tensors)} tensors")
    for what in ("keys", "tensors"):
        first, second = (list(getattr(f, what)) for f in (a, b))
        if sorted(first) == sorted(second) and first != second:
            print(f"({what} come in another order)")
    sys.exit(bool(differences))


main()
