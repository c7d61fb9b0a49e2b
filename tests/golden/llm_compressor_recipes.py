# SPDX-License-Identifier: MIT
"""Recipes as llm-compressor 0.14.0 saves them beside a model: tests/golden/recipes/*.yaml.

    python tests/golden/llm_compressor_recipes.py

writes them by llm-compressor's own `Recipe.yaml()`. The path of its source file, which the default of
`offload_device` carries, is shortened to the package's name.
"""
import pathlib
import re

from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme, preset_name_to_scheme
from llmcompressor.modifiers.gptq import GPTQModifier
from llmcompressor.modifiers.quantization import QuantizationModifier
from llmcompressor.modifiers.transform import AWQModifier
from llmcompressor.modifiers.transform.awq import AWQMapping
from llmcompressor.recipe import Recipe

HERE = pathlib.Path(__file__).parent / "recipes"


def save(name, modifiers, **stage):
    text = Recipe.from_modifiers(modifiers, **stage).yaml()
    text = re.sub(r"\S*/(llmcompressor/sentinel\.py)", r"\1", text)
    (HERE / f"{name}.yaml").write_text(text)


HERE.mkdir(exist_ok=True)
save("awq_quant", [AWQModifier(), QuantizationModifier(scheme="W4A16_ASYM", ignore=["lm_head"])])
save("awq_map",
     [AWQModifier(duo_scaling="both", n_grid=10, offload_device=None, mappings=[
         AWQMapping("re:.*input_layernorm$", ["re:.*q_proj$", "re:.*k_proj$", "re:.*v_proj$"]),
         AWQMapping("re:.*up_proj$", ["re:.*down_proj$"])]),
      QuantizationModifier(scheme={"W4A16": ["Linear"]}, ignore=["lm_head", "re:.*gate$"])],
     modifier_group_name="quant")
save("gptq", [GPTQModifier(scheme="W4A16", ignore=["lm_head"])])
weights = QuantizationArgs(num_bits=4, group_size=64, symmetric=False, strategy="group")
save("gptq_groups", [GPTQModifier(
    ignore=["lm_head"], dampening_frac=0.05, actorder=None,
    config_groups={"group_0": QuantizationScheme(targets=["Linear"], weights=weights)})])
for preset in ["W8A8", "FP8", "FP8_BLOCK", "NVFP4", "MXFP4"]:
    group = preset_name_to_scheme(preset, ["Linear"])
    save(f"groups_{preset}",
         [AWQModifier(), QuantizationModifier(ignore=["lm_head"], config_groups={"group_0": group})])
