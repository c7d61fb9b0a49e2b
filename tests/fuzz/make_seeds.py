#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes seeds/TARGET/NAME: small inputs that each reader accepts. Files of one input are separated by a line of
four equal signs. Standard library only; the same bytes every time."""
import json
import pathlib
import shutil
import struct

HERE = pathlib.Path(__file__).resolve().parent
CUT = b"\n====\n"


def put(target, name, *parts):
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(CUT.join(p if isinstance(p, bytes) else p.encode() for p in parts))


def compact(value):
    return json.dumps(value, separators=(",", ":"))


# ---- safetensors ---------------------------------------------------------------------------------
BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1, "F8_E4M3": 1}


def some_bytes(kind, count, salt):
    """Finite values of every kind: 0.5 to 1 for floats, anything for integers."""
    if kind == "F32":
        return b"".join(struct.pack("<f", 0.5 + (i * 7 + salt) % 16 / 32) for i in range(count))
    if kind == "F16":
        return b"".join(struct.pack("<e", 0.5 + (i * 7 + salt) % 16 / 32) for i in range(count))
    if kind == "BF16":
        return b"".join(struct.pack("<H", 0x3F00 + (i * 7 + salt) % 128) for i in range(count))
    if kind == "F8_E4M3":
        return bytes(0x30 + (i * 7 + salt) % 8 for i in range(count))
    return bytes((i * 37 + salt) % 251 for i in range(count * BYTES[kind]))


def safetensors(tensors):
    """tensors: name -> (type, shape) or (type, shape, bytes)."""
    header, data = {}, b""
    for salt, (name, (kind, shape, *given)) in enumerate(tensors.items()):
        count = 1
        for extent in shape:
            count *= extent
        content = given[0] if given else some_bytes(kind, count, salt)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = compact(header).encode()
    return struct.pack("<Q", len(text)) + text + data


# ---- GGUF ----------------------------------------------------------------------------------------
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORM = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}
BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
          11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 30: (1, 2), 39: (32, 17),
          40: (64, 36)}


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def scalar(kind, value):
    return text(value) if kind == STRING else struct.pack("<" + FORM[kind], value)


def gguf(pairs, tensors, alignment=32):
    """pairs: (key, type, value), a list for an array of that type; tensors: (name, dims, type[, bytes])."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    for key, kind, value in pairs:
        if isinstance(value, list):
            items = b"".join(scalar(kind, each) for each in value)
            head += text(key) + struct.pack("<IIQ", ARRAY, kind, len(value)) + items
        else:
            head += text(key) + struct.pack("<I", kind) + scalar(kind, value)
    data = b""
    for salt, (name, dims, kind, *given) in enumerate(tensors):
        columns, size = BLOCKS[kind]
        count = 1
        for extent in dims:
            count *= extent
        head += text(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", d) for d in dims)
        head += struct.pack("<IQ", kind, len(data))
        plain = {0: "F32", 1: "F16", 30: "BF16"}.get(kind, "U8")
        data += given[0] if given else some_bytes(plain, count // columns * (size if plain == "U8" else 1), salt)
        data += bytes(-len(data) % alignment)
    return head + bytes(-len(head) % alignment) + data


# ---- models of one block, hidden size 8 ----------------------------------------------------------
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8, "intermediate_size": 8,
          "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 4,
          "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 16, "hidden_act": "silu",
          "tie_word_embeddings": False, "torch_dtype": "float16", "bos_token_id": 0, "eos_token_id": [1]}
LINEARS = {"self_attn.q_proj": 8, "self_attn.k_proj": 4, "self_attn.v_proj": 4, "self_attn.o_proj": 8,
           "mlp.gate_proj": 8, "mlp.up_proj": 8, "mlp.down_proj": 8}


def model(linear):
    """The tensors of such a model; linear(rows) gives those of a layer."""
    tensors = {"model.embed_tokens.weight": ("F16", [4, 8]), "model.norm.weight": ("F16", [8]),
               "lm_head.weight": ("F16", [4, 8])}
    for norm in ("input_layernorm", "post_attention_layernorm"):
        tensors[f"model.layers.0.{norm}.weight"] = ("F16", [8])
    for name, rows in LINEARS.items():
        for suffix, tensor in linear(rows).items():
            tensors[f"model.layers.0.{name}.{suffix}"] = tensor
    return tensors


def shape_of(rows, cols):
    return ("I64", [2], struct.pack("<qq", rows, cols))


def scheme(kind, form, **weights):
    group = {"targets": ["Linear"], "weights": {"num_bits": 4, "type": kind, "symmetric": True, **weights}}
    return {"quant_method": "compressed-tensors", "format": form, "ignore": ["lm_head"],
            "config_groups": {"group_0": group}}


AWQ = {"quant_method": "awq", "bits": 4, "group_size": -1, "zero_point": True, "version": "gemm"}
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": -1, "sym": True, "desc_act": False}
PACKED = scheme("int", "pack-quantized", strategy="channel")
GROUPS = scheme("int", "pack-quantized", strategy="group", group_size=4, symmetric=False)
INT8 = scheme("int", "int-quantized", num_bits=8, strategy="channel")
FP8 = scheme("float", "float-quantized", num_bits=8, strategy="block", block_structure=[4, 4])
NVFP4 = scheme("float", "nvfp4-pack-quantized", strategy="tensor_group", group_size=16)
MXFP4 = scheme("float", "mxfp4-pack-quantized", strategy="group", group_size=32)

# Of a layer with so many rows and 8 columns.
LAYOUTS = {
    "awq": (AWQ, lambda r: {"qweight": ("I32", [8, (r + 7) // 8]), "scales": ("F16", [1, (r + 7) // 8 * 8]),
                            "qzeros": ("I32", [1, (r + 7) // 8])}),
    "gptq": (GPTQ, lambda r: {"qweight": ("I32", [1, r]), "scales": ("F16", [1, r]), "qzeros": ("I32", [1, (r + 7) // 8]),
                              "g_idx": ("I32", [8], bytes(32))}),
    "packed": (PACKED, lambda r: {"weight_packed": ("I32", [r, 1]), "weight_scale": ("BF16", [r, 1]),
                                  "weight_shape": shape_of(r, 8)}),
    "groups": (GROUPS, lambda r: {"weight_packed": ("I32", [r, 1]), "weight_scale": ("F16", [r, 2]),
                                  "weight_zero_point": ("I32", [(r + 7) // 8, 2]), "weight_shape": shape_of(r, 8),
                                  "weight_g_idx": ("I32", [8], struct.pack("<8i", 0, 1, 0, 1, 0, 1, 0, 1))}),
    "int8": (INT8, lambda r: {"weight": ("I8", [r, 8]), "weight_scale": ("F32", [r, 1])}),
    "fp8": (FP8, lambda r: {"weight": ("F8_E4M3", [r, 8]), "weight_scale": ("BF16", [(r + 3) // 4, 2])}),
    "nvfp4": (NVFP4, lambda r: {"weight_packed": ("U8", [r, 8]), "weight_scale": ("F8_E4M3", [r, 1]),
                                "weight_global_scale": ("F32", [1])}),
    "mxfp4": (MXFP4, lambda r: {"weight_packed": ("U8", [r, 16]), "weight_scale": ("U8", [r, 1])}),
}


def write_weights():
    plain = safetensors({"a": ("F32", [2, 3]), "b.weight": ("BF16", [4]), "c": ("F16", []), "d": ("I64", [0])})
    put("safetensors", "plain", plain)
    put("safetensors", "empty", safetensors({}))
    index = compact({"metadata": {"total_size": 34}, "weight_map": dict.fromkeys(
        ("a", "b.weight", "c", "d"), "model-00001-of-00001.safetensors")})
    put("shard_index", "one", index)
    put("shard_index", "two", compact({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}))
    put("checkpoint", "plain", index, plain)
    for name, (config, layer) in LAYOUTS.items():
        put("quantization_config", name, compact(config))
        layers = {f"m.{suffix}": tensor for suffix, tensor in layer(8).items()}
        put("quantized_weights", name, compact(config), safetensors(layers))
    config, layer = LAYOUTS["int8"]
    no_weights = {**config, "config_groups": {"group_0": {"targets": ["Linear"], "format": "int-quantized"}}}
    put("quantized_weights", "no_weights", compact(no_weights),
        safetensors({f"m.{suffix}": tensor for suffix, tensor in layer(8).items()}))
    dense = lambda rows: {"weight": ("F16", [rows, 8])}
    put("quantized_model", "dense", compact(CONFIG), safetensors(model(dense)))
    for name in ("gptq", "packed", "int8", "fp8"):
        config, layer = LAYOUTS[name]
        put("quantized_model", name, compact({**CONFIG, "quantization_config": config}), safetensors(model(layer)))


def write_configs():
    put("config", "llama", compact(CONFIG))
    put("config", "llama3", compact({**CONFIG, "rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192}}))
    put("config", "mistral", compact({**CONFIG, "architectures": ["MistralForCausalLM"], "model_type": "mistral",
                                      "sliding_window": 8}))
    put("config", "qwen3", compact({**CONFIG, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
                                    "use_sliding_window": False, "max_window_layers": 1,
                                    "layer_types": ["full_attention"]}))
    put("config", "gemma3", compact({"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
                                     "text_config": {**CONFIG, "model_type": "gemma3_text", "sliding_window": 8,
                                                     "hidden_activation": "gelu_pytorch_tanh",
                                                     "rope_local_base_freq": 10000.0,
                                                     "query_pre_attn_scalar": 256}}))
    put("json", "empty", "")
    put("json", "all", compact({"weights": {"a": "m-1", "b": None}, "more": [
        1, -2, 3.5e-7, True, "x\u00e9\n\"\\", {"k": [[]]}, 10 ** 23, 2 ** 64 - 1, -(2 ** 63)]}))


def write_gguf():
    every = [("general.architecture", STRING, "llama"), ("general.alignment", U32, 32), ("a", U8, 1), ("b", I8, -1),
             ("c", U16, 2), ("d", I16, -2), ("e", I32, -3), ("f", F32, 0.5), ("g", BOOL, 1), ("h", U64, 1),
             ("i", I64, -1), ("j", F64, 0.25), ("k", STRING, ["x", "", "yz"]), ("l", F32, [1.0, 2.0]),
             ("m", U64, [1, 2 ** 63])]
    put("gguf", "values", gguf(every, [("t", [2, 3], 0), ("u", [4], 30)]))
    put("gguf", "small_blocks", gguf(every[:1], [(f"t{kind}", [max(BLOCKS[kind][0], 32), 2], kind)
                                                 for kind in (1, 2, 3, 6, 7, 8, 20, 39, 40)]))
    put("gguf", "large_blocks", gguf(every[:1], [(f"t{kind}", [256], kind) for kind in (10, 11, 12, 13, 14)]))
    for number, (kind, (_, size)) in enumerate(BLOCKS.items()):
        put("gguf_blocks", f"type_{kind}", bytes([number]) + some_bytes("U8", size * 2, kind))
    sizes = [("general.architecture", STRING, "llama"), ("llama.block_count", U32, 1),
             ("llama.context_length", U32, 16), ("llama.embedding_length", U32, 8),
             ("llama.feed_forward_length", U32, 8), ("llama.attention.head_count", U32, 2),
             ("llama.attention.head_count_kv", U32, 1), ("llama.rope.dimension_count", U32, 4),
             ("llama.attention.key_length", U32, 4), ("llama.attention.value_length", U32, 4),
             ("llama.attention.layer_norm_rms_epsilon", F32, 1e-5), ("llama.rope.freq_base", F32, 10000.0),
             ("llama.vocab_size", U32, 5)]
    bpe = [("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.pre", STRING, "gpt-2"),
           ("tokenizer.ggml.tokens", STRING, ["a", "b", "ab", "<s>", "\u0120"]),
           ("tokenizer.ggml.token_type", I32, [1, 1, 1, 3, 1]), ("tokenizer.ggml.merges", STRING, ["a b"]),
           ("tokenizer.ggml.bos_token_id", U32, 3), ("tokenizer.chat_template", STRING, "{{ messages }}")]
    spm = [("tokenizer.ggml.model", STRING, "llama"),
           ("tokenizer.ggml.tokens", STRING, ["<unk>", "a", "b", "ab", "<0x0A>"]),
           ("tokenizer.ggml.scores", F32, [0.0, -1.0, -2.0, -3.0, 0.0]),
           ("tokenizer.ggml.token_type", I32, [2, 1, 1, 1, 6]), ("tokenizer.ggml.unknown_token_id", U32, 0),
           ("tokenizer.ggml.add_bos_token", BOOL, 0)]
    tensors = [("token_embd.weight", [8, 5], 1), ("output_norm.weight", [8], 0), ("output.weight", [8, 5], 1),
               ("blk.0.attn_norm.weight", [8], 0), ("blk.0.ffn_norm.weight", [8], 0),
               ("blk.0.attn_q.weight", [8, 8], 1), ("blk.0.attn_k.weight", [8, 4], 1),
               ("blk.0.attn_v.weight", [8, 4], 1), ("blk.0.attn_output.weight", [8, 8], 1),
               ("blk.0.ffn_gate.weight", [8, 8], 30), ("blk.0.ffn_up.weight", [8, 8], 1),
               ("blk.0.ffn_down.weight", [8, 8], 1)]
    put("gguf_model", "bpe", gguf(sizes + bpe, tensors))
    put("gguf_model", "spm", gguf(sizes + spm, tensors))
    sums = [("blk.0.attn_q.weight.in_sum2", [4, 1], 0), ("blk.0.attn_q.weight.counts", [1], 0)]
    put("imatrix", "gguf", gguf([("general.type", STRING, "imatrix"), ("imatrix.datasets", STRING, ["x.txt"]),
                                 ("imatrix.chunk_count", U32, 2), ("imatrix.chunk_size", U32, 16)], sums))
    put("imatrix", "control_characters", gguf([("general.type", STRING, "imatrix")], [("a\n\x1b.in_sum2", [1], 0)]))
    entry = struct.pack("<i", 19) + b"blk.0.attn_q.weight" + struct.pack("<ii4f", 2, 4, 1.0, 2.0, 3.0, 4.0)
    put("imatrix", "legacy", struct.pack("<i", 1) + entry + struct.pack("<ii", 2, 5) + b"x.txt")


# ---- texts ---------------------------------------------------------------------------------------
def write_tokenizers():
    model = {"type": "BPE", "unk_token": "d", "byte_fallback": True, "fuse_unk": True,
             "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "ab": 4, "abc": 5, "<0x0A>": 6},
             "merges": ["a b", ["ab", "c"]]}
    special = {"id": 7, "content": "<s>", "special": True}
    wide = {"id": 8, "content": "x y", "lstrip": True, "single_word": True, "normalized": True}
    around = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                                       {"Sequence": {"id": "A", "type_id": 0}}],
              "special_tokens": {"<s>": {"id": "<s>", "ids": [7], "tokens": ["<s>"]}}}
    sequence = lambda key, *parts: {"type": "Sequence", key: list(parts)}
    decoders = {"sentencepiece": sequence(
        "decoders", {"type": "Replace", "pattern": {"String": "_"}, "content": " "}, {"type": "ByteFallback"},
        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}),
        "bytes": {"type": "ByteLevel"}, "words": {"type": "BPEDecoder", "suffix": "</w>"},
        "spaces": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"}, "none": None}
    for name, decoder in decoders.items():
        put("token_decoder", name, compact(decoder), "_a\n<0x0A>\n<0xC3>\n<0xA9>\nb</w>\n\u0120c")
    put("tokenizer", "sentencepiece", compact({
        "added_tokens": [special, wide], "model": model, "post_processor": around,
        "normalizer": sequence("normalizers", {"type": "NFC"}, {"type": "Prepend", "prepend": "_"}, {
            "type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}),
        "pre_tokenizer": sequence("pretokenizers", {
            "type": "Split", "pattern": {"Regex": "[^\\s\\p{L}]+|\\p{L}{1,3}(?!\\S)"}, "behavior": "MergedWithNext",
            "invert": True}, {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"}, {"type": "Digits"}),
        "decoder": decoders["sentencepiece"]}), "abc x y <s> d\u00e9\n  a")
    put("tokenizer", "bytes", compact({
        "added_tokens": [special], "model": {**model, "byte_fallback": False, "unk_token": None},
        "normalizer": sequence("normalizers", {"type": "NFKC"}, {"type": "Lowercase"}, {
            "type": "Strip", "strip_left": True, "strip_right": True}),
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True},
        "post_processor": {"type": "ByteLevel", "trim_offsets": False}, "decoder": {"type": "ByteLevel"}}),
        "a b ab's 12\u00e9")
    put("regex", "gpt2", r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", "it's 12 a!  b\n")
    put("regex", "llama3", r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s*[\r\n]+|\s+(?!\S)|\s+", "He's 1234\r\n x")
    put("regex", "classes", r"[\p{Lu}\p{Lt}&&[^a-c]]*?(?<=x)\h\u{e9}|\A^$", "Ax\u00e9 9")


def write_texts():
    put("chat_template", "loops", """{%- set ns = namespace(n=0) -%}{% macro show(x, y='z') %}{{ x | upper ~ y }}{% endmacro %}
{% for m in messages if m.role != 'tool' %}{% set ns.n = ns.n + 1 %}{% if not loop.first and ns.n > 1 %}, \
{% elif m['content'] is string %}{{ show(m.content[1:-1:2]) }}{% else %}{{ m | tojson(indent=2) }}{% endif %}\
{# end #}{% endfor %}{{ messages | map(attribute='role') | list }}{{ {'a': [1, 2.5]}['a'][0] // 2 }}""",
        '[{"role":"user","content":"hello"},{"role":"tool","content":null},{"role":"a","content":["b"]}]')
    put("chat_template", "chatml", "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] | trim "
        "+ '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
        '[{"role":"user","content":" hello "}]')
    put("chat_template", "methods", "{{ 'a,b'.split(',') | join('-') }}{{ ' x '.strip().upper().replace('X', 'yy') }}"
        "{{ [3, 1, 2] | sort | first }}{% for i in range(3) %}{{ loop.index0 }}{% if i == 1 %}{% break %}{% endif %}"
        "{% endfor %}{{ messages[-1].content | default('none') | length }}{{ 'a' in 'abc' and 7 % 4 ** 2 }}",
        '[{"role":"user"}]')
    put("dataset", "messages", "lines", '{"messages":[{"role":"user","content":"hi"}]}\n{"text":"some text"}\n'
        '{"input_ids":[1,2,3]}\n\n{"messages":[{"role":"user","content":null}]}\n')
    put("dataset", "text", "text", "A text of\nsome lines, w\u00f6rds and 1234.\n\n\nThe end." * 3)
    put("dataset", "array", "array", '[{"text":"a b c"},{"conversations":[{"from":"human","value":"x"}]},"d e"]')
    put("recipe", "smoothing", """quant_stage:
  quant_modifiers:
    AWQModifier:
      smoothing_only: true
      ignore: ["lm_head", "re:.*gate$"]
      n_grid: 10
      duo_scaling: both
      mappings:
        - smooth_layer: "re:.*input_layernorm$"
          balance_layers: ["re:.*q_proj$", "re:.*k_proj$"]
""")
    put("recipe", "groups", """quant_stage:
  mods_modifiers:
    AWQModifier: &m {duo_scaling: true}
    QuantizationModifier:
      ignore: [lm_head]
      config_groups:
        group_0:
          targets: ["Linear"]
          weights: {num_bits: 4, type: int, strategy: group, group_size: 128, symmetric: false}
          input_activations: {num_bits: 8, type: float, strategy: token, symmetric: true, dynamic: true}
        group_1: {targets: ["re:.*down_proj$"], scheme: NVFP4A16}
""")


if __name__ == "__main__":
    shutil.rmtree(HERE / "seeds", ignore_errors=True)
    write_weights()
    write_configs()
    write_gguf()
    write_tokenizers()
    write_texts()
