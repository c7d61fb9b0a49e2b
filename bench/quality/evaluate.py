# SPDX-License-Identifier: MIT
"""Perplexity, KL divergence and top-1 agreement of a Hugging Face model directory.

    python bench/quality/evaluate.py --model DIR --dataset FILE [--reference DIR] [--report FILE.json]

A second implementation of `awq eval`, through transformers in float32, to check it against. The text
is tokenized as a whole without special tokens and cut into windows of --max-seq-length that do not
overlap; a last, shorter window counts when it has two tokens or more. Every token but each window's
first is scored, and the divergence KL(reference || model), in nats, and the agreement of the two most
likely tokens are means over the same positions. All sums are float64. The model may be in any format
that transformers reads, compressed-tensors among them.
"""

import argparse
import json
import math
import sys
import time

import torch


def load(directory, dtype):
    """The model computing in a dtype. A quantized one: with "auto" as transformers runs it, otherwise
    its weights as transformers decompresses them, without quantization of activations."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(directory)
    wanted = "auto" if dtype == "auto" else getattr(torch, dtype)
    if dtype == "auto" or not hasattr(config, "quantization_config"):
        return AutoModelForCausalLM.from_pretrained(directory, dtype=wanted).eval()
    return decompressed(directory, config, wanted)


def decompressed(directory, config, wanted):
    """A plain model with the decompressed weights of a quantized checkpoint."""
    from transformers import AutoModelForCausalLM
    from transformers.utils.quantization_config import CompressedTensorsConfig

    form = {"dtype": "auto"}
    if config.quantization_config["quant_method"] == "compressed-tensors":
        form["quantization_config"] = CompressedTensorsConfig(dequantize=True)
    packed = AutoModelForCausalLM.from_pretrained(directory, **form)
    values = dict(packed.named_parameters())
    del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=wanted)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(values[name])
    return plain.eval()


def windows(directory, path, length, limit):
    """Non-overlapping windows of token ids."""
    from transformers import AutoTokenizer

    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    if path.endswith(".jsonl"):
        return [json.loads(line)["input_ids"] for line in text.splitlines() if line.strip()][:limit]
    ids = AutoTokenizer.from_pretrained(directory)(text, add_special_tokens=False)["input_ids"]
    cut = [ids[i : i + length] for i in range(0, len(ids), length)]
    return [window for window in cut if len(window) >= 2][:limit]


def log_probabilities(model, ids):
    """Log-probabilities at every position that has a next token, in float64."""
    logits = model(torch.tensor([ids]), use_cache=False).logits[0, :-1]
    return torch.log_softmax(logits.double(), dim=-1)


@torch.no_grad()
def evaluate(model, reference, token_windows):
    """The figures of `awq eval`'s report; without a reference only perplexity and tokens."""
    nll, divergence, agreed, tokens = 0.0, 0.0, 0, 0
    for ids in token_windows:
        log_p = log_probabilities(model, ids)
        target = torch.tensor(ids[1:])
        nll -= float(log_p.gather(1, target[:, None]).sum())
        tokens += len(target)
        if reference is not None:
            log_r = log_probabilities(reference, ids)
            divergence += float((log_r.exp() * (log_r - log_p)).sum())
            agreed += int((log_r.argmax(-1) == log_p.argmax(-1)).sum())
    figures = {"perplexity": math.exp(nll / tokens), "tokens": tokens}
    if reference is not None:
        figures["kl_divergence"] = divergence / tokens
        figures["top1_agreement"] = agreed / tokens
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, nargs="+", help="one or more directories")
    parser.add_argument("--dataset", required=True, help="plain text, or .jsonl with input_ids")
    parser.add_argument("--reference")
    parser.add_argument("--max-seq-length", type=int, default=512)
    parser.add_argument("--max-windows", type=int, default=None)
    parser.add_argument("--dtype", default="float32", help="float32, bfloat16, float16 or auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tokenizer = options.reference or options.model[0]
    cut = windows(tokenizer, options.dataset, options.max_seq_length, options.max_windows)
    reference = load(options.reference, options.dtype) if options.reference else None
    report = {}
    for directory in options.model:
        began = time.perf_counter()
        report[directory] = evaluate(load(directory, options.dtype), reference, cut)
        report[directory]["seconds"] = round(time.perf_counter() - began, 2)
        print(directory, json.dumps(report[directory]), flush=True)
    if options.report:
        with open(options.report, "w") as file:
            json.dump(report if len(report) > 1 else next(iter(report.values())), file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
