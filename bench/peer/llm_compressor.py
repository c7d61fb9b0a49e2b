# SPDX-License-Identifier: MIT
"""llm-compressor's AWQ and W4A16_ASYM on a checkpoint, on the CPU; prints one line of JSON.

    python bench/peer/llm_compressor.py MODEL IDS.jsonl SAMPLES TYPE THREADS      TYPE: bfloat16 or float32

Reading the model is not counted.
"""

import json
import os
import resource
import sys
import time

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # it takes a GPU whenever it sees one


def loader(path, samples):
    """The windows one by one, in file order."""
    import torch

    with open(path) as file:
        rows = [json.loads(line)["input_ids"] for line in file][:samples]

    def collate(batch):
        return {"input_ids": torch.tensor(batch), "attention_mask": torch.ones(1, len(batch[0]), dtype=torch.long)}

    return torch.utils.data.DataLoader(rows, batch_size=1, shuffle=False, collate_fn=collate)


def main():
    model_path, ids, samples, kind, threads = sys.argv[1:6]
    import torch
    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from llmcompressor.modifiers.transform.awq import AWQModifier
    from llmcompressor.pipelines.cache import IntermediatesCache
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(int(threads))
    IntermediatesCache.pin_memory = lambda self, *_: None  # it pins for an accelerator and fails where there is none
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=getattr(torch, kind))
    recipe = [AWQModifier(), QuantizationModifier(scheme="W4A16_ASYM", targets=["Linear"], ignore=["lm_head"])]
    data = loader(ids, int(samples))
    began, busy = time.perf_counter(), time.process_time()
    oneshot(model=model, recipe=recipe, dataset=data, num_calibration_samples=int(samples))
    found = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy}
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
