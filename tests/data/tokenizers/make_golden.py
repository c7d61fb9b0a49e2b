# SPDX-License-Identifier: MIT
"""Makes the tokenizers of this folder and golden.json: what Hugging Face tokenizers gives for them.

usage: make_golden.py TRAINING_TEXT [NAME=TOKENIZER_JSON ...] [NAME=TEXT_FILE.txt ...]

The further tokenizers and texts are not copied here; golden.json holds only counts and hashes of their ids.
Needs: pip install tokenizers (made with 0.23.3). The generated text is made alike by generated_text.hpp.
"""
import json
import os
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
MARKS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

# ---- a text of any size, the same in Python and C++ ----

MASK = (1 << 64) - 1
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
CONTRACTIONS = ["'s", "'T", "'re", "'LL", "'ve", "'M", "'d", "'\u017f", "'", "\u2019s"]
NUMBERS = ["0", "7", "42", "1999", "\u0663", "\u096b", "\u00b2", "\u00bd", "\u2167", "\U0001d7d8"]
MARKS_AND_SIGNS = [".", ",", "...", "--", "!?", "(", ")", "\"", "/", "\\", "_", "#", "@", "$", "\u00a3", "\u2026", "<", ">",
                   "{}", "[0]", "\u3002", "=>", "&&", "\u00ab", "~"]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u1680", "\u180e", "\u2003",
          "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff"]
EMOJI = ["\U0001f600", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea",
         "\u2764\ufe0f", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "1\ufe0f\u20e3", "\u00a9"]
TOKENS = ["<|endoftext|>", "<|begin_of_text|>", "<s>", "</s>", "<0x0A>", "<|im_start|>", "<bos>", "<mask>", "<unk>",
          "\u2581", "<tool_call>", "Ġ", "[MASK]"]


class Random:
    """splitmix64 (Steele, Lea, Flood 2014)."""

    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        return (z >> 33) % count


def word(r):
    letters = "".join(LETTERS[min(r.below(26), r.below(26))] for _ in range(1 + r.below(9)))
    return letters.upper() if r.below(16) == 0 else letters


def piece(r):
    kind = r.below(16)
    if kind < 6:
        return " ".join(word(r) for _ in range(1 + r.below(12))) + " "
    if kind == 6:
        return CONTRACTIONS[r.below(len(CONTRACTIONS))]
    if kind == 7:
        return "".join(NUMBERS[r.below(len(NUMBERS))] for _ in range(1 + r.below(5)))
    if kind == 8:
        return "".join(MARKS_AND_SIGNS[r.below(len(MARKS_AND_SIGNS))] for _ in range(1 + r.below(3)))
    if kind == 9:
        return "".join(SPACES[r.below(len(SPACES))] for _ in range(1 + r.below(5)))
    if kind == 10:
        return EMOJI[r.below(len(EMOJI))] * (1 + r.below(3))
    if kind == 11:
        base, span = [(0x4E00, 0x5200), (0x3041, 0x50), (0xAC00, 0x2BA0), (0x400, 0x100), (0x620, 0x2A)][r.below(5)]
        return "".join(chr(base + r.below(span)) for _ in range(1 + r.below(12)))
    if kind == 12:
        return "".join(chr(0x61 + r.below(26)) + "".join(chr(0x300 + r.below(0x70)) for _ in range(1 + r.below(4)))
                       for _ in range(1 + r.below(4)))
    if kind == 13:
        code = r.below(0x10F800)
        code += 0x800 if code >= 0xD800 else 0
        if 0x10500 <= code < 0x1F000 or 0x2EB00 <= code < 0x2F000 or 0x31300 <= code < 0x33000:
            code &= 0x7FF  # blocks with characters that not every Unicode library knows yet
        return chr(code)
    if kind == 14:
        return TOKENS[r.below(len(TOKENS))]
    if r.below(64) != 0:
        return chr(r.below(0x20))
    return ["a", " ", "\n", "7", "-", "\u00e9", "ab", "\u4e2d"][r.below(8)] * (1 + r.below(3000))


def generated_text(size, seed):
    """At least `size` bytes of UTF-8; first of all, two very long lines."""
    r = Random(seed)
    parts = ["".join(word(r) for _ in range(24000)), "\n", " " * 50000 + "x" + "ab" * 25000 + "\n"]
    done = sum(len(part.encode()) for part in parts)
    while done < size:
        parts.append(piece(r))
        done += len(parts[-1].encode())
    return "".join(parts)


def fnv(ids):
    """FNV-1a over the ids as four little-endian bytes each, in hex."""
    h = 0xCBF29CE484222325
    for byte in b"".join(i.to_bytes(4, "little") for i in ids):
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return f"{h:016x}"


# ---- tokenizers ----


def trained_bytes(lines, size, pre_tokenizer, normalizer=None):
    """Vocabulary (in order) and merges of a byte-level BPE."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(
        lines, trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), [tuple(merge) for merge in model["merges"]]


def trained_pieces(lines, size, suffix=None):
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=suffix) if suffix else models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace() if not suffix else pre_tokenizers.Whitespace()
    options = {"end_of_word_suffix": suffix} if suffix else {}
    tokenizer.train_from_iterator(
        lines, trainers.BpeTrainer(vocab_size=size, limit_alphabet=90, show_progress=False, **options))
    model = json.loads(tokenizer.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), [tuple(merge) for merge in model["merges"]]


def bpe(tokens, merges, **options):
    return Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges, **options))


def special(*contents):
    return [AddedToken(content, special=True, normalized=False) for content in contents]


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(use_regex=False, add_prefix_space=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)


def template(token, index, after=""):
    return processors.TemplateProcessing(single=f"{token} $A {after}".strip(), special_tokens=[(token, index)])


def llama3(lines):
    words = pre_tokenizers.Sequence([split(LLAMA3), byte_level()])
    tokens, merges = trained_bytes(lines, 1000, words)
    tokens += ["\u0120zyzzyva", "quixotic", "\u010a\u010a\u010a\u010a"]  # no merges lead to these
    t = bpe(tokens, merges, ignore_merges=True)
    t.pre_tokenizer = words
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(special("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|eot_id|><|eot_id|>"))
    bos = t.token_to_id("<|begin_of_text|>")
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template("<|begin_of_text|>", bos)])
    return t


def qwen2(lines):
    words = pre_tokenizers.Sequence([split(QWEN2), byte_level()])
    t = bpe(*trained_bytes(lines, 900, words, normalizers.NFC()))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = words
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    t.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("\u00e9cole", normalized=True)])
    return t


def byte_words(words, lines, size=700):
    t = bpe(*trained_bytes(lines, size, words))
    t.pre_tokenizer = words
    t.decoder = decoders.ByteLevel()
    return t


def marks(lines):
    return byte_words(pre_tokenizers.Sequence([split(MARKS), byte_level()]), lines)


def cased(lines):
    return byte_words(pre_tokenizers.Sequence([split(CASED), byte_level()]), lines)


def deepseek(lines):
    return byte_words(pre_tokenizers.Sequence([
        split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
        pre_tokenizers.Digits(individual_digits=True), byte_level()]), lines)


def falcon(lines):
    return byte_words(pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), byte_level(use_regex=True), pre_tokenizers.Digits(individual_digits=False),
        split("[0-9][0-9][0-9]")]), lines)


def cohere(lines):
    t = byte_words(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(use_regex=True)]), lines)
    t.normalizer = normalizers.NFC()
    t.add_special_tokens(special("<BOS_TOKEN>"))
    t.post_processor = template("<BOS_TOKEN>", t.token_to_id("<BOS_TOKEN>"))
    return t


def roberta(lines):
    t = byte_words(byte_level(use_regex=True, add_prefix_space=True), lines)
    t.add_special_tokens(special("<s>", "</s>"))
    t.add_tokens([AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("<both>", lstrip=True, rstrip=True),
                  AddedToken("lone", single_word=True), AddedToken("aa", normalized=False), AddedToken("aaab", normalized=False)])
    t.post_processor = processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")))
    return t


def pieces_with_bytes(lines, size=700):
    tokens, merges = trained_pieces(lines, size)
    return ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + tokens, merges


SP_DECODER = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]


def llama2(lines):
    t = bpe(*pieces_with_bytes(lines), byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    t.decoder = decoders.Sequence(SP_DECODER + [decoders.Strip(" ", 1, 0)])
    t.add_special_tokens(special("<unk>", "<s>", "</s>"))
    t.post_processor = template("<s>", 1)
    return t


def mistral(lines):
    t = llama2(lines)
    t.normalizer = None
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return t


def gemma(lines):
    tokens, merges = pieces_with_bytes(lines)
    tokens[1:3] = ["<bos>", "<eos>"]
    t = bpe(tokens, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    t.normalizer = normalizers.Replace(" ", "\u2581")
    t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    t.decoder = decoders.Sequence(SP_DECODER)
    t.add_special_tokens(special("<bos>", "<eos>", "<unk>", "<start_of_turn>"))
    t.add_tokens([AddedToken("\n" * n, normalized=False) for n in range(1, 12)] +
                 [AddedToken("\u2581" * n, normalized=False) for n in range(2, 9)] + [AddedToken("<table>", normalized=False)])
    t.post_processor = template("<bos>", 1)
    return t


def metaspace(lines):
    """No byte fallback: unknown characters become <unk>, one by one."""
    tokens, merges = trained_pieces(lines, 500)
    t = bpe(["<unk>"] + tokens, merges, unk_token="<unk>", fuse_unk=False)
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    t.decoder = decoders.Metaspace()
    return t


def fused(lines):
    """Unknown characters fuse; words end in </w>; everything is lower case."""
    tokens, merges = trained_pieces([line.lower() for line in lines], 500, "</w>")
    t = bpe(["<unk>"] + tokens, merges, unk_token="<unk>", fuse_unk=True, end_of_word_suffix="</w>")
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase(),
                                         normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([split(r"<\|startoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
                                                     "removed", True)])
    t.decoder = decoders.BPEDecoder("</w>")
    t.add_tokens([AddedToken("new york", normalized=True), AddedToken("lone", single_word=True)])
    return t


MADE = [llama3, qwen2, marks, cased, deepseek, falcon, cohere, roberta, llama2, mistral, gemma, metaspace, fused]

CASES = [
    "", " ", "  ", "\n", "a", " a", "a ", "Hello world", "Hello, world! It's 2024-01-31.", "I'LL we'Ve DON'T it'\u017f they\u2019re",
    "  two  spaces\tand a tab\n\nnew paragraph\n   indented", "trailing spaces   ", "\r\nWindows\r\nlines\r\n\r\n", "\t\t\tx = 1;\n",
    "1234567890 12 345 6.789e10 \u00bd\u2167\u0663", "zyzzyva quixotic zyzzyvas", "caf\u00e9 cafe\u0301 \u212b e\u0301cole \u00e9cole \ufb01",
    "\u4e2d\u6587\u5b57\u7b26\uff0c\u6807\u70b9\u3002 \u65e5\u672c\u8a9e\u30c6\u30b9\u30c8 \ud55c\uad6d\uc5b4", "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u0441\u0432\u043e\u0431\u043e\u0434\u0430 \u0939\u093f\u0928\u094d\u0926\u0940 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\U0001f600\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f", "\x00\x01\x02 \x1b[0m \x7f \x85\x86", "a\u200bb\ufeffc\u00add",
    "a\u0085b a\u180eb a\u00a0b a\u1680b a\u3000b a\u2028b", "<|endoftext|> <|begin_of_text|>x<|eot_id|><|eot_id|>y<|eot_id|>", "<s>a</s> <s> b </s>",
    " <mask> x<mask>y  <mask>", "  <both>  x <both><both> y", "lone alone lone. lone\u0301 _lone lone_ lone\u203f lone", "aaab aaaab aab aaa",
    "<0x0A> <0x41>", "<tool_call>{\"a\": [1, 2.5]}</tool_call>", "<start_of_turn>user\n\n\n\nhi   there<table>", "\u2581a \u2581 \u2581\u2581b",
    "New York new york NEW YORK \u0130stanbul", "https://example.com/a_b?c=d&e=%20", "def f(x):\n    return x**2  # square\n\n\nclass A: pass",
    "CamelCaseWords and ALLCAPS HTTPServer iPhone", "...!!!???---___***", "a" * 200, " " * 100 + "x", "\n" * 40, "-" * 100, "\u00e9" * 60, "ab" * 80,
    "x\u0300\u0301\u0302\u0303 z\u0335", "\U0010ffff\ue000\ufffd", "Ġ \u010a \u0120a", "\"quoted\" \u201ccurly\u201d \u00abguillemets\u00bb",
]


def ids_of(tokenizer, text, special_tokens=False):
    return tokenizer.encode(text, add_special_tokens=special_tokens).ids


def expected(tokenizer):
    entry = {"vocab_size": tokenizer.get_vocab_size(True), "ids": [], "special_ids": [], "decoded": [], "decoded_skip": []}
    for text in CASES:
        plain, with_special = ids_of(tokenizer, text), ids_of(tokenizer, text, True)
        decoded = [tokenizer.decode(with_special, skip_special_tokens=skip) for skip in (False, True)]
        entry["ids"].append(plain)
        entry["special_ids"].append(None if with_special == plain else with_special)
        entry["decoded"].append(None if decoded[0] == text else decoded[0])
        entry["decoded_skip"].append(None if decoded[1] == text else decoded[1])
    return entry


def summary(tokenizer, text):
    ids = ids_of(tokenizer, text, True)
    return {"count": len(ids), "fnv": fnv(ids)}


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        lines = f.read().split("\n")
    given = dict(arg.split("=", 1) for arg in sys.argv[2:])
    texts = {name: open(path, encoding="utf-8", newline="").read() for name, path in given.items() if path.endswith(".txt")}
    size, seed = 1 << 20, 20240131
    text = generated_text(size, seed)
    golden = {"texts": CASES, "generated": {"size": size, "seed": seed, "bytes": len(text.encode()),
                                            "fnv": fnv(map(ord, text))}, "tokenizers": {}}
    tokenizers = {make.__name__: make(lines[:4000]) for make in MADE}
    for name, tokenizer in tokenizers.items():
        tokenizer.save(os.path.join(HERE, name + ".json"), pretty=False)
        tokenizers[name] = Tokenizer.from_file(os.path.join(HERE, name + ".json"))
    tokenizers |= {name: Tokenizer.from_file(path) for name, path in given.items() if path.endswith(".json")}
    for name, tokenizer in tokenizers.items():
        entry = expected(tokenizer) if name not in given else {}
        entry["generated"] = summary(tokenizer, text)
        entry["texts"] = {key: summary(tokenizer, value) for key, value in texts.items()}
        golden["tokenizers"][name] = entry
        print(name, entry["generated"], flush=True)
    with open(os.path.join(HERE, "golden.json"), "w", encoding="ascii") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
