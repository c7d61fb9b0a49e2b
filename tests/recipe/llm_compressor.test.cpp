// SPDX-License-Identifier: MIT
// Recipes as llm-compressor writes and as people write them for it.
#include "recipe_text.hpp"

#include <filesystem>

namespace {

awq::recipe golden(const std::string& name)
{
    const auto loaded = awq::load_recipe(AWQ_SOURCE_DIR "/tests/golden/recipes/" + name + ".yaml");
    if (!loaded) FAIL(loaded.error().text());
    return *loaded;
}

} // namespace

TEST_CASE("every recipe that llm-compressor saved loads")
{
    std::size_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator{AWQ_SOURCE_DIR "/tests/golden/recipes"}) {
        const awq::recipe recipe = golden(each.path().stem().string());
        INFO(each.path());
        CHECK(recipe.groups.size() == 1);
        CHECK(recipe.ignore);
        CHECK_FALSE(recipe.unused_keys.empty());
        ++count;
    }
    CHECK(count == 9);
}

TEST_CASE("keys that change nothing are accepted and named, each once")
{
    const awq::recipe recipe = golden("awq_quant");
    CHECK(recipe.smoothing);
    CHECK(recipe.duo_scaling == awq::duo::on);
    CHECK(recipe.n_grid == 20u);
    CHECK(recipe.groups.front().scheme == "W4A16_ASYM");
    CHECK(recipe.unused_keys == names{"requires_calibration_data", "offload_device", "bypass_divisibility_checks"});
}

TEST_CASE("mappings with null hooks and a scheme with its targets")
{
    const awq::recipe recipe = golden("awq_map");
    REQUIRE(recipe.mappings);
    CHECK(recipe.mappings->size() == 2);
    CHECK(recipe.mappings->front().balance_layers.size() == 3);
    CHECK(recipe.duo_scaling == awq::duo::both);
    CHECK(recipe.groups.front().scheme == "W4A16");
    CHECK(recipe.groups.front().targets == names{"Linear"});
    CHECK(recipe.ignore == names{"lm_head", "re:.*gate$"});
}

TEST_CASE("GPTQ's dampening is the damping of the error feedback")
{
    const awq::recipe recipe = golden("gptq_groups");
    CHECK_FALSE(recipe.smoothing);
    CHECK(recipe.damping == 0.05f);
    REQUIRE(recipe.groups.front().weights);
    CHECK(recipe.groups.front().weights->type == "int"); // written as the call that makes it
    CHECK(recipe.groups.front().weights->group_size == 64);
    CHECK_FALSE(recipe.groups.front().weights->symmetric);
    CHECK(golden("gptq").damping == 0.01f);
}

TEST_CASE("every layout of stages, lists and schemes means the same")
{
    for (const char* const text :
         {"quant_stage: {quant_modifiers: {QuantizationModifier: {scheme: W4A16, targets: Linear}}}",
          "default_stage: {QuantizationModifier: {scheme: [W4A16], targets: [Linear]}}",
          "default_stage_1: {default_modifiers: [QuantizationModifier: {scheme: W4A16}]}",
          "quant_modifiers: {QuantizationModifier: {scheme: {W4A16: Linear}}}",
          "[QuantizationModifier: {scheme: W4A16}]", "modifiers: [!QuantizationModifier {scheme: {W4A16: [Linear]}}]",
          "QuantizationModifier: {scheme: {W4A16: [Linear]}, start: 0, end: 1.0, index: 3, group: x}",
          "QuantizationModifier: {config_groups: {W4A16: [Linear]}, kv_cache_scheme: null, hook: null}",
          "{\"args\": {}, \"quant_stage\": {\"QuantizationModifier\": {\"scheme\": \"W4A16\"}}}"}) {
        INFO(text);
        const awq::recipe recipe = load(text);
        CHECK_FALSE(recipe.smoothing);
        REQUIRE(recipe.groups.size() == 1);
        CHECK(recipe.groups.front().scheme == "W4A16");
        CHECK(recipe.groups.front().targets == names{"Linear"});
    }
    const awq::recipe whole = load("QuantizationModifier: {scheme: {weights: {num_bits: 8, group_size: -1}}}");
    REQUIRE(whole.groups.front().weights);
    CHECK(whole.groups.front().weights->num_bits == 8);
    CHECK(whole.groups.front().weights->strategy == "channel");
}

TEST_CASE("mappings may be pairs, in any order")
{
    const awq::recipe recipe = load("AWQModifier:\n  mappings:\n  - [up_proj, [down_proj]]\n"
                                    "  - [[q_proj, k_proj], input_layernorm]\n");
    REQUIRE(recipe.mappings);
    CHECK(recipe.mappings->front().smooth_layer == "up_proj");
    CHECK(recipe.mappings->back().balance_layers == names{"q_proj", "k_proj"});
    problem("AWQModifier:\n  mappings:\n  - [up_proj, down_proj]\n", 3);
}

TEST_CASE("a key that would change the result names its line and the nearest known key")
{
    CHECK(says(problem("AWQModifier:\n  n_gird: 20\n", 2), "did you mean 'n_grid'?"));
    CHECK(says(problem("AwqModifer: {}\n", 1), "did you mean 'AWQModifier'?"));
    CHECK(says(problem("AWQModifier:\n  smoothing-only: true\n", 2), "did you mean 'smoothing_only'?"));
    CHECK(says(problem("GPTQModifier:\n  dampening_fraction: 0.1\n", 2), "did you mean 'dampening_frac'?"));
    CHECK(says(problem("QuantizationModifier:\n  kv_cache_scheme: {num_bits: 8}\n", 2), "kv_cache_scheme"));
    CHECK(says(problem("GPTQModifier:\n  actorder: group\n", 2), "actorder"));
    CHECK(says(problem("AWQModifier:\n  mappings:\n  - smooth_layer: a\n    balance_layers: [b]\n"
                       "    activation_hook_target: mlp\n",
                       5),
               "activation_hook_target"));
    CHECK(says(problem("args: {x: 1}\nAWQModifier: {}\n", 1), "args"));
    CHECK(says(problem("QuantizationModifier:\n  config_groups:\n    g:\n      format: dense\n"
                       "      scheme: W4A16\n",
                       4),
               "dense"));
    CHECK_FALSE(says(problem("AWQModifier:\n  zzzzzzzzzzzz: 20\n", 2), "did you mean"));
}

TEST_CASE("lists of ignored layers that differ are joined, and a list without effect is named")
{
    const awq::recipe recipe = load("AWQModifier: {ignore: [a, b]}\n"
                                    "QuantizationModifier: {ignore: [b, c], targets: [x], config_groups: "
                                    "{W4A16: [Linear]}}\n");
    CHECK(recipe.ignore == names{"a", "b", "c"});
    REQUIRE(recipe.notes.size() == 2);
    CHECK(says(recipe.notes[0], "ignore"));
    CHECK(says(recipe.notes[1], "targets"));
    CHECK(load("AWQModifier: {ignore: []}\nQuantizationModifier: {ignore: [a]}\n").notes.empty());
}
