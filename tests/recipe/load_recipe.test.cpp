// SPDX-License-Identifier: MIT
#include "recipe_text.hpp"

namespace {

constexpr const char* smoothing_recipe = R"(quant_stage:
  quant_modifiers:
    AWQModifier:
      smoothing_only: true
      ignore: ["lm_head"]
)";

} // namespace

TEST_CASE("the smoothing recipe loads as it stands")
{
    const awq::recipe recipe = load(smoothing_recipe);
    CHECK(recipe.smoothing);
    CHECK(recipe.smoothing_only == true);
    CHECK(recipe.ignore == names{"lm_head"});
    CHECK(recipe.groups.empty());
    CHECK_FALSE(recipe.group_size);
    CHECK_FALSE(recipe.n_grid);
    CHECK_FALSE(recipe.duo_scaling);
    CHECK_FALSE(recipe.loss);
    CHECK_FALSE(recipe.mappings);
}

TEST_CASE("the example recipe is that recipe with comments")
{
    const auto loaded = awq::load_recipe(AWQ_EXAMPLE_DATA "/../recipes/awq_smoothing_only.yaml");
    REQUIRE(loaded);
    CHECK(loaded->smoothing_only == true);
    CHECK(loaded->ignore == names{"lm_head"});
    CHECK(loaded->groups.empty());
}

TEST_CASE("comments, blank lines and other spellings mean nothing")
{
    const awq::recipe recipe = load("# a recipe\n\nquant_stage: # stage\n\n"
                                    "  quant_modifiers: {AWQModifier: {smoothing_only: yes,\n"
                                    "    # the head\n    ignore: lm_head, duo_scaling: both}}\n");
    CHECK(recipe.smoothing_only == true);
    CHECK(recipe.ignore == names{"lm_head"});
    CHECK(recipe.duo_scaling == awq::duo::both);
}

TEST_CASE("a recipe without smoothing_only leaves it open")
{
    CHECK_FALSE(load("quant_stage:\n  quant_modifiers:\n    AWQModifier:\n").smoothing_only);
    CHECK(load("AWQModifier:\n  smoothing_only: false\n").smoothing_only == false);
}

TEST_CASE("every key of the search is read")
{
    const awq::recipe recipe = load(R"(stage_modifiers:
  AWQModifier:
    group_size: 64
    n_grid: 40
    duo_scaling: false
    loss: gram
    offload_device: cpu
    ignore:
      - lm_head
      - "re:.*layers\\.0\\..*"
)");
    CHECK(recipe.group_size == 64u);
    CHECK(recipe.n_grid == 40u);
    CHECK(recipe.duo_scaling == awq::duo::off);
    CHECK(recipe.loss == awq::loss_kind::gram);
    CHECK(recipe.ignore == names{"lm_head", "re:.*layers\\.0\\..*"});
    CHECK(recipe.unused_keys == names{"offload_device"});
}

TEST_CASE("mappings are read in order")
{
    const awq::recipe recipe = load(R"(quant_stage:
  quant_modifiers:
    AWQModifier:
      mappings:
        - smooth_layer: "re:.*input_layernorm$"
          balance_layers: ["re:.*q_proj$", "re:.*k_proj$", "re:.*v_proj$"]
        - balance_layers: "re:.*down_proj$"
          smooth_layer: "re:.*up_proj$"
)");
    REQUIRE(recipe.mappings);
    REQUIRE(recipe.mappings->size() == 2);
    CHECK(recipe.mappings->front().smooth_layer == "re:.*input_layernorm$");
    CHECK(recipe.mappings->front().balance_layers == names{"re:.*q_proj$", "re:.*k_proj$", "re:.*v_proj$"});
    CHECK(recipe.mappings->back().smooth_layer == "re:.*up_proj$");
    CHECK(recipe.mappings->back().balance_layers == names{"re:.*down_proj$"});
}

TEST_CASE("a preset scheme and config groups become groups")
{
    const awq::recipe preset = load(R"(quant_stage:
  quant_modifiers:
    AWQModifier:
      ignore: [lm_head]
    QuantizationModifier:
      targets: [Linear]
      scheme: W4A16_ASYM
)");
    CHECK(preset.smoothing);
    REQUIRE(preset.groups.size() == 1);
    CHECK(preset.groups.front().scheme == "W4A16_ASYM");
    CHECK(preset.groups.front().targets == names{"Linear"});
    CHECK_FALSE(preset.groups.front().weights);

    const awq::recipe groups = load(R"(quant_stage:
  quant_modifiers:
    AWQModifier:
      config_groups:
        group_0:
          targets: ["re:.*down_proj$"]
          input_activations: null
          weights: {num_bits: 8, type: int, symmetric: true, strategy: channel}
        group_1:
          targets: [Linear]
          weights:
            num_bits: 4
            symmetric: false
            group_size: 32
            dynamic: false
            observer: minmax
        group_2: {targets: [lm_head], weights: {num_bits: 8, group_size: -1}}
)");
    REQUIRE(groups.groups.size() == 3);
    const awq::recipe_group& first = groups.groups[0];
    CHECK(first.targets == names{"re:.*down_proj$"});
    REQUIRE(first.weights);
    CHECK(first.weights->num_bits == 8);
    CHECK(first.weights->symmetric);
    CHECK(first.weights->strategy == "channel");
    const awq::recipe_group& second = groups.groups[1];
    REQUIRE(second.weights);
    CHECK(second.weights->num_bits == 4);
    CHECK_FALSE(second.weights->symmetric);
    CHECK(second.weights->strategy == "group");
    CHECK(second.weights->group_size == 32);
    REQUIRE(groups.groups[2].weights);
    CHECK(groups.groups[2].weights->strategy == "channel"); // as compressed-tensors reads -1
}

TEST_CASE("a recipe of quantization alone does not smooth")
{
    const awq::recipe recipe = load("QuantizationModifier: {scheme: W8A16, ignore: [lm_head]}\n");
    CHECK_FALSE(recipe.smoothing);
    REQUIRE(recipe.groups.size() == 1);
    CHECK(recipe.groups.front().scheme == "W8A16");
}

TEST_CASE("what is not known is an error, never ignored")
{
    const std::string begin = "quant_stage:\n  quant_modifiers:\n    AWQModifier:\n";
    CHECK(says(problem(begin + "      smoothing_onyl: true\n", 4), "smoothing_onyl"));
    CHECK(says(problem(begin + "      smoothing_only: true\n      bits: 4\n", 5), "bits"));
    CHECK(says(problem("quant_stage:\n  quant_modifiers:\n    AwqModifier:\n      ignore: []\n", 3), "AwqModifier"));
    CHECK(says(problem("quant_stage:\n  SmoothQuantModifier:\n    ignore: []\n", 2), "SmoothQuantModifier"));
    CHECK(says(problem("# stage\nquantise:\n  quant_modifiers: {}\n", 2), "quantise"));
    CHECK(says(problem("QuantizationModifier:\n  smoothing_only: true\n", 2), "smoothing_only"));
    CHECK(says(problem(begin + "      mappings:\n        - smooth: a\n          balance_layers: [b]\n", 5),
               "smooth_layer"));
    CHECK(says(problem(begin + "      config_groups:\n        g:\n          weight: {}\n", 6), "weight"));
    CHECK(says(problem("QuantizationModifier:\n  config_groups:\n    g:\n      weights:\n"
                       "        nbits: 4\n",
                       5),
               "nbits"));
}

TEST_CASE("a wrong type names the key, the file and the line")
{
    const std::string begin = "AWQModifier:\n";
    CHECK(says(problem(begin + "  smoothing_only: perhaps\n", 2), "true or false"));
    CHECK(says(problem(begin + "  smoothing_only: [true]\n", 2), "smoothing_only"));
    CHECK(says(problem(begin + "  n_grid: many\n", 2), "whole number"));
    CHECK(says(problem(begin + "  n_grid: 2.5\n", 2), "whole number"));
    CHECK(says(problem(begin + "\n  group_size: -3\n", 3), "'group_size' is -3"));
    CHECK(says(problem(begin + "  duo_scaling: sometimes\n", 2), "duo_scaling"));
    CHECK(says(problem(begin + "  ignore: {a: b}\n", 2), "ignore"));
    CHECK(says(problem(begin + "  ignore: [[a]]\n", 2), "ignore"));
    CHECK(says(problem(begin + "  mappings: all\n", 2), "list"));
    CHECK(says(problem(begin + "  mappings:\n    - smooth_layer: a\n", 3), "balance_layers"));
    CHECK(says(problem("AWQModifier: true\n", 1), "AWQModifier"));
    CHECK(says(problem("quant_stage: 3\n", 1), "quant_stage"));
    CHECK(says(problem("QuantizationModifier:\n  config_groups: [1]\n", 2), "config_groups"));
}

TEST_CASE("a file that is no recipe is an error")
{
    problem("quant_stage:\n  quant_modifiers: [\n", 3);
    problem("a: b\n\tc: d\n", 2);
    const test::scratch room;
    for (const char* const text : {"", "- AWQModifier\n", "just words\n", "\0\x01\xff"}) {
        const auto loaded = awq::load_recipe(room.put("recipe.yaml", text));
        REQUIRE_FALSE(loaded);
        CHECK(loaded.error().code() == awq::error_code::malformed_file);
        CHECK(loaded.error().text().find("recipe.yaml") != std::string_view::npos);
    }
    const auto missing = awq::load_recipe(room / "no such recipe.yaml");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == awq::error_code::file_not_found);
    CHECK(missing.error().text().find("no such recipe.yaml") != std::string_view::npos);
}
