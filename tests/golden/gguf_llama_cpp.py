#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""llama.cpp's own libraries through ctypes: loads, tokenizes, decodes and quantizes GGUF files.

The struct layouts are those of llama.cpp 0.5.0 on x86-64 (npm package @node-llama-cpp/linux-x64 3.22.1).
LLAMA_CPP_LIBRARIES names the directory with libllama.v0.5.0.so.

  gguf_llama_cpp.py check FILE.gguf...                    loads, tokenizes, decodes; prints a line each
  gguf_llama_cpp.py tokenize FILE.gguf TEXT               prints the ids
  gguf_llama_cpp.py logits FILE.gguf IDS.json OUT.npy     logits (tokens, vocabulary) of one window
  gguf_llama_cpp.py eval FILE.gguf TEXT.txt [--reference FILE.gguf] [--window 512] [--windows N]
                                                          perplexity; with a reference mean KL, top-1
  gguf_llama_cpp.py quantize IN.gguf OUT.gguf Q4_K_M [--imatrix FILE.gguf] [--pure]
"""
import argparse
import ctypes
import glob
import json
import os
import struct
import sys

import numpy as np

FILE_TYPES = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11,
    "Q3_K_M": 12, "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18,
    "IQ4_NL": 25, "BF16": 32,
}


def _params(size):
    return type(f"Params{size}", (ctypes.Structure,), {"_fields_": [("bytes", ctypes.c_ubyte * size)]})


ModelParams, ContextParams, QuantizeParams = _params(80), _params(160), _params(64)


class Batch(ctypes.Structure):
    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


class ImatrixEntry(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.POINTER(ctypes.c_float)), ("size", ctypes.c_size_t)]


def _patch(params, offset, layout, value):
    struct.pack_into(layout, params.bytes, offset, value)


class Library:
    """The three libraries; `log` collects what llama.cpp says."""

    def __init__(self, directory=None, quiet=True):
        os.environ["GGML_NO_BACKTRACE"] = "1"
        directory = directory or os.environ["LLAMA_CPP_LIBRARIES"]
        load = lambda pattern: ctypes.CDLL(sorted(glob.glob(f"{directory}/{pattern}"))[0], mode=ctypes.RTLD_GLOBAL)
        self.base, self.ggml, self.llama = load("libggml-base*.so"), load("libggml.v*.so"), load("libllama.v*.so")
        self.log = []
        log_type = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)

        def collect(level, text, _):
            self.log.append(text.decode(errors="replace"))
            if not quiet:
                sys.stderr.write(self.log[-1])

        self._callback = log_type(collect)
        self.base.ggml_log_set(self._callback, None)
        self.llama.llama_log_set(self._callback, None)
        self.ggml.ggml_backend_load_all_from_path(directory.encode())
        for name, result in [("llama_model_default_params", ModelParams), ("llama_context_default_params", ContextParams),
                             ("llama_model_quantize_default_params", QuantizeParams), ("llama_batch_init", Batch),
                             ("llama_model_load_from_file", ctypes.c_void_p), ("llama_init_from_model", ctypes.c_void_p),
                             ("llama_model_get_vocab", ctypes.c_void_p), ("llama_get_logits_ith", ctypes.POINTER(ctypes.c_float)),
                             ("llama_get_memory", ctypes.c_void_p)]:
            getattr(self.llama, name).restype = result

    def quantize(self, source, target, file_type, imatrix=None, pure=False, threads=2, **patches):
        """llama_model_quantize. imatrix: {tensor name: mean squares (float32 array)}.
        patches: e.g. output_tensor_type=type id, token_embedding_type=type id."""
        params = self.llama.llama_model_quantize_default_params()
        _patch(params, 0, "<i", threads)
        _patch(params, 4, "<i", FILE_TYPES[file_type])
        for name, offset in [("output_tensor_type", 8), ("token_embedding_type", 12)]:
            if name in patches:
                _patch(params, offset, "<i", patches[name])
        _patch(params, 16, "<B", 1)
        _patch(params, 19, "<B", int(pure))
        keep = []
        if imatrix:
            entries = (ImatrixEntry * (len(imatrix) + 1))()
            for entry, (name, values) in zip(entries, imatrix.items()):
                data = np.ascontiguousarray(values, dtype=np.float32)
                keep.append(data)
                entry.name, entry.size = name.encode(), data.size
                entry.data = data.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            _patch(params, 24, "<Q", ctypes.addressof(entries))
        code = self.llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params))
        if code != 0:
            raise RuntimeError(f"llama_model_quantize gave {code}: {''.join(self.log[-5:])}")


class Model:
    """A loaded GGUF file with one context; float32 KV cache, no flash attention."""

    def __init__(self, library, path, context=512, threads=2):
        self.library, lib = library, library.llama
        params = lib.llama_model_default_params()
        _patch(params, 16, "<i", 0)
        lib.llama_model_load_from_file.argtypes = [ctypes.c_char_p, ModelParams]
        self.model = lib.llama_model_load_from_file(path.encode(), params)
        if not self.model:
            raise RuntimeError(f"llama.cpp does not load {path}: {''.join(library.log[-6:])}")
        params = lib.llama_context_default_params()
        for offset in (0, 4, 8):
            _patch(params, offset, "<I", context)
        for offset, value in [(28, threads), (32, threads), (52, 0), (104, 0), (108, 0)]:
            _patch(params, offset, "<i", value)
        lib.llama_init_from_model.argtypes = [ctypes.c_void_p, ContextParams]
        self.context = lib.llama_init_from_model(self.model, params)
        if not self.context:
            raise RuntimeError(f"llama.cpp makes no context for {path}: {''.join(library.log[-6:])}")
        self.window = context
        self.vocab = ctypes.c_void_p(lib.llama_model_get_vocab(ctypes.c_void_p(self.model)))
        self.vocab_size = lib.llama_vocab_n_tokens(self.vocab)

    def close(self):
        self.library.llama.llama_free(ctypes.c_void_p(self.context))
        self.library.llama.llama_model_free(ctypes.c_void_p(self.model))

    def tokenize(self, text, add_special=True, parse_special=False):
        raw = text.encode() if isinstance(text, str) else text
        out = (ctypes.c_int32 * (len(raw) + 8))()
        count = self.library.llama.llama_tokenize(self.vocab, raw, len(raw), out, len(out), ctypes.c_bool(add_special),
                                                  ctypes.c_bool(parse_special))
        if count < 0:
            raise RuntimeError(f"llama_tokenize gave {count}")
        return list(out[:count])

    def logits(self, ids):
        """Logits (tokens, vocabulary) of one window, from an empty cache."""
        lib = self.library.llama
        lib.llama_memory_clear(ctypes.c_void_p(lib.llama_get_memory(ctypes.c_void_p(self.context))), ctypes.c_bool(True))
        batch = lib.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = int(token), i, 1, 1
            batch.seq_id[i][0] = 0
        lib.llama_decode.argtypes = [ctypes.c_void_p, Batch]
        code = lib.llama_decode(self.context, batch)
        if code != 0:
            raise RuntimeError(f"llama_decode gave {code}")
        lib.llama_get_logits_ith.argtypes = [ctypes.c_void_p, ctypes.c_int32]
        rows = [np.ctypeslib.as_array(lib.llama_get_logits_ith(self.context, i), (self.vocab_size,)).copy()
                for i in range(len(ids))]
        lib.llama_batch_free.argtypes = [Batch]
        lib.llama_batch_free(batch)
        return np.stack(rows)


def log_softmax(logits):
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def evaluate(model, ids, window=512, windows=None, reference=None):
    """Perplexity over non-overlapping windows (every token but each window's first is scored); with a reference
    model the mean KL divergence KL(reference || model) and the share of equal most likely tokens."""
    ids = np.asarray(ids)
    count = len(ids) // window if windows is None else min(windows, len(ids) // window)
    nll = kl = same = scored = 0.0
    for i in range(count):
        part = ids[i * window:(i + 1) * window]
        log_p = log_softmax(model.logits(part))[:-1]
        nll -= log_p[np.arange(window - 1), part[1:]].sum()
        scored += window - 1
        if reference is not None:
            log_r = log_softmax(reference.logits(part))[:-1]
            kl += (np.exp(log_r) * (log_r - log_p)).sum()
            same += (log_r.argmax(-1) == log_p.argmax(-1)).sum()
    report = {"tokens": int(scored), "perplexity": float(np.exp(nll / scored))}
    if reference is not None:
        report.update(kl_divergence=kl / scored, top1_agreement=same / scored)
    return report


def read_imatrix(path):
    """Mean squares per GGUF tensor name, normalised as llama-quantize does, of a GGUF-based imatrix file."""
    from gguf import GGUFReader

    tensors = {t.name: np.array(t.data, dtype=np.float32) for t in GGUFReader(path).tensors}
    means = {}
    for name, sums in tensors.items():
        if name.endswith(".in_sum2"):
            stem = name[:-len(".in_sum2")]
            counts = tensors[stem + ".counts"].reshape(-1, 1)
            rows = sums.reshape(len(counts), -1)
            means[stem] = np.where(counts > 0, rows / np.maximum(counts, 1), 1.0).astype(np.float32).ravel()
    return means


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["check", "tokenize", "logits", "eval", "quantize"])
    parser.add_argument("arguments", nargs="+")
    parser.add_argument("--libraries")
    parser.add_argument("--reference")
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--windows", type=int)
    parser.add_argument("--imatrix")
    parser.add_argument("--pure", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    library, arguments = Library(options.libraries, quiet=not options.verbose), options.arguments
    if options.command == "check":
        for path in arguments:
            model = Model(library, path, 64)
            ids = model.tokenize("Hello, world! It's 2024.") or [0]
            logits = model.logits(ids)
            print(path, "loads,", len(ids), "tokens,", "finite" if np.isfinite(logits).all() else "NOT FINITE", "logits")
            model.close()
    elif options.command == "tokenize":
        print(json.dumps(Model(library, arguments[0], 64).tokenize(arguments[1])))
    elif options.command == "logits":
        ids = json.load(open(arguments[1]))
        np.save(arguments[2], Model(library, arguments[0], max(64, len(ids))).logits(ids))
    elif options.command == "eval":
        model = Model(library, arguments[0], options.window)
        reference = Model(library, options.reference, options.window) if options.reference else None
        ids = model.tokenize(open(arguments[1], "rb").read(), add_special=False)
        print(json.dumps(evaluate(model, ids, options.window, options.windows, reference)))
    else:
        imatrix = read_imatrix(options.imatrix) if options.imatrix else None
        library.quantize(arguments[0], arguments[1], arguments[2], imatrix, options.pure)


if __name__ == "__main__":
    main()
