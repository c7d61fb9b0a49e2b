// SPDX-License-Identifier: MIT
// Which scheme each layer gets, by flags and recipes, and what is refused before any work.
#include "catch.hpp"

#include "checkpoint/rtn_model.hpp"
#include "io/scratch.hpp"
#include "run/model_runs.hpp"

#include <awq/recipe/load_recipe.hpp>
#include <awq/run/apply_recipe.hpp>
#include <awq/run/layer_plan.hpp>

#include <filesystem>

using awq::activation_rounding;
using awq::error_code;

namespace {

/// A model of which only the shapes are known.
class shapes final : public awq::tensor_source {
public:
    shapes(std::size_t hidden, std::size_t intermediate)
    {
        config_.architecture = "LlamaForCausalLM";
        config_.hidden_size = hidden;
        config_.intermediate_size = intermediate;
        config_.num_hidden_layers = 2;
        config_.torch_dtype = awq::dtype::bf16;
    }

    const awq::model_config& config() const noexcept override { return config_; }
    const std::string& path() const noexcept override { return path_; }
    std::optional<awq::tensor_shape> shape(std::string_view name) const override
    {
        const std::size_t h = config_.hidden_size, i = config_.intermediate_size;
        if (name.ends_with("down_proj.weight")) return awq::tensor_shape{h, i};
        if (name.find("mlp.") != name.npos) return awq::tensor_shape{i, h};
        return awq::tensor_shape{h, h};
    }
    std::vector<awq::tensor_report> tensors() const override { return {}; }
    awq::status read_rows(std::string_view, std::size_t, awq::matrix_view<float>) const override
    {
        return awq::error{error_code::unsupported, "there is nothing to read"};
    }

private:
    awq::model_config config_;
    std::string path_ = "shapes";
};

awq::oneshot_options with_scheme(std::string scheme, std::optional<std::size_t> group_size = {})
{
    awq::oneshot_options options;
    options.task = test::to_scheme(std::move(scheme), group_size);
    return options;
}

awq::result<awq::layer_plan> plan_of(const awq::oneshot_options& options, const awq::tensor_source& source)
{
    return awq::layer_plan::make(awq::settings_of(options), source);
}

awq::layer_format& first_format(awq::oneshot_options& options) { return awq::formats_of(options.task)->front(); }

std::string refusal(const awq::oneshot_options& options, const awq::tensor_source& source, error_code code)
{
    const auto plan = plan_of(options, source);
    REQUIRE_FALSE(plan);
    const std::string text{plan.error().text()};
    INFO(text);
    CHECK(plan.error().code() == code);
    CHECK(text.find('\n') == text.npos);
    return text;
}

void names(const std::string& text, std::string_view part)
{
    INFO(text);
    INFO("must name " << part);
    CHECK(text.find(part) != text.npos);
}

awq::result<awq::oneshot_options> options_of(const std::string& recipe_text)
{
    const test::scratch folder;
    AWQ_TRY(const auto recipe, awq::load_recipe(folder.put("recipe.yaml", recipe_text)));
    awq::oneshot_options options;
    AWQ_CHECK(awq::apply_recipe(recipe, options));
    return options;
}

std::string quantization(const std::string& groups)
{
    return "quant_stage:\n  quant_modifiers:\n    QuantizationModifier:\n      ignore: [lm_head]\n"
           "      config_groups:\n" +
           groups;
}

} // namespace

TEST_CASE("schemes are known by the names of llm-compressor, in any case")
{
    struct expectation {
        std::string_view name, text;
        activation_rounding activations;
    };
    constexpr expectation all[] = {{"W4A16", "W4A16 g128", activation_rounding::none},
                                   {"w3a16_asym", "W3A16_ASYM g128", activation_rounding::none},
                                   {"W8A8", "W8A16 per channel", activation_rounding::int8_token},
                                   {"int8", "W8A16 per channel", activation_rounding::int8_token},
                                   {"FP8", "FP8 per channel", activation_rounding::fp8_token},
                                   {"fp8_dynamic", "FP8 per channel", activation_rounding::fp8_token},
                                   {"FP8_BLOCK", "FP8 128x128", activation_rounding::fp8_group},
                                   {"NVFP4A16", "NVFP4", activation_rounding::none},
                                   {"NVFP4", "NVFP4", activation_rounding::fp4_group},
                                   {"MXFP4", "MXFP4", activation_rounding::none},
                                   {"mxfp4a16", "MXFP4", activation_rounding::none}};
    for (const expectation& each : all) {
        INFO(each.name);
        const auto scheme = awq::parse_layer_scheme(each.name, std::nullopt);
        REQUIRE(scheme);
        CHECK(scheme->quantizer.name() == each.text);
        CHECK(scheme->activations == each.activations);
        CHECK(awq::describe(*scheme->format()) == each.text);
    }
    CHECK(awq::parse_layer_scheme("W4A16", 0)->quantizer.name() == "W4A16 per channel");
}

TEST_CASE("an unknown scheme is answered with all names")
{
    const shapes source{256, 512};
    const std::string text = refusal(with_scheme("W4A17"), source, error_code::invalid_argument);
    for (const std::string_view part : {"unknown scheme 'W4A17'; did you mean 'W4A16'?", "W2A16_ASYM", "W8A8",
                                        "FP8_DYNAMIC", "FP8_BLOCK", "NVFP4A16", "MXFP4A16"})
        names(text, part);
    names(refusal(with_scheme("FP8", 64), source, error_code::invalid_argument), "no group size");
}

TEST_CASE("a pattern that matches no layer is named")
{
    const shapes source{256, 512};
    auto options = with_scheme("W4A16");
    first_format(options).targets = {"Linear", "re:.*qkv_proj"};
    const std::string target = refusal(options, source, error_code::invalid_argument);
    names(target, "re:.*qkv_proj");
    names(target, "targets");
    first_format(options).targets = {"model.layers.2.mlp.up_proj"}; // there are two
    names(refusal(options, source, error_code::invalid_argument), "model.layers.2.mlp.up_proj");
    options = with_scheme("W4A16");
    options.ignore = {"lm_head", "mlp.up_proj"};
    const std::string ignored = refusal(options, source, error_code::invalid_argument);
    names(ignored, "mlp.up_proj");
    names(ignored, "--ignore");
    options.task = test::smoothing_for("W4A16");
    refusal(options, source, error_code::invalid_argument);
    for (const char* const fine : {"lm_head", "re:.*lm_head", "re:.*embed.*", "re:.*up_proj"}) {
        options.ignore = {fine};
        CHECK(plan_of(options, source));
    }
}

TEST_CASE("a head that a scheme is for stays in 16 bits, with a note")
{
    const shapes source{256, 512};
    auto options = with_scheme("W4A16");
    CHECK(plan_of(options, source)->notices().empty());
    options.ignore = {};
    const auto plan = plan_of(options, source);
    REQUIRE(plan);
    REQUIRE(plan->notices().size() == 1);
    names(line_of(plan->notices()[0]), "lm_head stays in 16 bits");
    first_format(options).targets = {"re:.*up_proj"};
    CHECK(plan_of(options, source)->notices().empty());
}

TEST_CASE("a scheme that fits no layer that it is for is refused before any work")
{
    const shapes narrow{96, 512}, odd{72, 200}, halves{80, 160};
    auto options = with_scheme("W4A16");
    first_format(options).targets = {"re:.*up_proj", "re:.*gate_proj"};
    const std::string text = refusal(options, narrow, error_code::shape_mismatch);
    for (const char* const part : {"W4A16", "4 layers", "model.layers.0.mlp.gate_proj", "96", "128"}) names(text, part);
    CHECK(plan_of(with_scheme("W4A16", 32), narrow));
    names(refusal(with_scheme("NVFP4A16"), odd, error_code::shape_mismatch), "in_features 200");
    CHECK(plan_of(with_scheme("NVFP4A16"), halves)->unfit().empty());
    CHECK(plan_of(with_scheme("MXFP4"), halves)->unfit().size() == 12); // 80 columns
    for (const char* const any_shape : {"FP8", "FP8_BLOCK", "W8A8"}) CHECK(plan_of(with_scheme(any_shape), odd));
}

TEST_CASE("a layer whose shape its scheme cannot take stays as it is, by name and with a warning")
{
    const shapes narrow{96, 512};
    const auto plan = plan_of(with_scheme("W4A16"), narrow);
    REQUIRE(plan);
    CHECK(plan->unfit().size() == 12); // all but down_proj
    names(plan->unfit().at("model.layers.1.mlp.up_proj"), "does not divide in_features 96");
    CHECK_FALSE(plan->rounding_of("model.layers.1.mlp.up_proj"));
    CHECK_FALSE(plan->format_of("model.layers.1.mlp.up_proj"));
    CHECK(plan->rounding_of("model.layers.1.mlp.down_proj"));
    CHECK(plan->format_of("model.layers.1.mlp.down_proj"));
    REQUIRE(plan->notices().size() == 1);
    CHECK(plan->notices()[0].level == awq::notice::severity::warning);
    for (const char* const part : {"W4A16", "12 layers (model.layers.0.self_attn.q_proj", "stay in 16 bits", "96"})
        names(plan->notices()[0].text, part);
}

TEST_CASE("a smoothing-only search simulates the scheme that it is given")
{
    const shapes source{256, 512};
    awq::oneshot_options options;
    options.task = test::smoothing_for("W2A16", 64);
    const auto plan = plan_of(options, source);
    REQUIRE(plan);
    CHECK(plan->name() == "W2A16");
    CHECK(plan->quantizer_of("model.layers.0.mlp.up_proj")->name() == "W2A16 g64");
    for (const char* const scheme : {"FP8", "NVFP4", "MXFP4", "FP8_BLOCK"}) {
        options.task = test::smoothing_for(scheme);
        CHECK(plan_of(options, source)->name() == scheme);
    }
    options.task = awq::smooth{};
    first_format(options).group_size = 32;
    CHECK(plan_of(options, source)->quantizer_of("model.layers.0.mlp.up_proj")->name() == "W4A16_ASYM g32");
}

TEST_CASE("what matches nothing is an error of a flag and a warning of a recipe, which it names")
{
    const shapes source{256, 512};
    const auto options = options_of("QuantizationModifier:\n  ignore: [lm_head, 're:.*vision.*']\n"
                                    "  config_groups:\n    a: {targets: ['re:.*qkv'], scheme: W8A16}\n"
                                    "    b: {targets: [Linear], scheme: W4A16}\n"
                                    "    c: {targets: ['re:.*up_proj'], scheme: W2A16}\n");
    REQUIRE(options);
    const auto plan = plan_of(*options, source);
    REQUIRE(plan);
    REQUIRE(plan->notices().size() == 4);
    for (const awq::notice& each : plan->notices()) names(each.text, "recipe.yaml: ");
    names(plan->notices()[0].text, "re:.*vision.*");
    names(plan->notices()[1].text, "re:.*qkv");
    names(plan->notices()[2].text, "scheme W8A16 has no effect");
    names(plan->notices()[3].text, "scheme W2A16 has no effect");
    CHECK(plan->quantizer_of("model.layers.0.mlp.up_proj")->name() == "W4A16 g128");
    const auto nothing = options_of("QuantizationModifier: {targets: ['re:.*qkv'], scheme: W8A16}\n");
    REQUIRE(nothing);
    names(refusal(*nothing, source, error_code::unsupported), "no layer of the model is quantized");
}

TEST_CASE("problems of a recipe's values name the file and the line, and are no wrong usage")
{
    for (const char* const text : {"AWQModifier:\n  scheme: W4A17\n", "AWQModifier:\n  loss: gramm\n",
                                   "AWQModifier:\n  duo_scaling: both\n  n_grid: 3\n",
                                   "QuantizationModifier:\n  config_groups:\n    g: {scheme: W4B16}\n"}) {
        const auto options = options_of(text);
        REQUIRE_FALSE(options);
        INFO(options.error().text());
        CHECK(options.error().code() != error_code::invalid_argument);
        names(std::string{options.error().text()}, "recipe.yaml: ");
    }
    names(std::string{options_of("AWQModifier:\n  loss: gramm\n").error().text()}, "did you mean 'gram'?");
    names(std::string{options_of("AWQModifier:\n  scheme: W4A17\n").error().text()}, "line 2: unknown scheme");
}

TEST_CASE("a recipe says what of it has no effect or is written otherwise")
{
    const auto options = options_of("AWQModifier: {start: 0, end: 1, offload_device: cpu}\n"
                                    "QuantizationModifier: {scheme: FP8, ignore: [lm_head]}\n");
    REQUIRE(options);
    REQUIRE(options->notices.size() == 2);
    names(options->notices[0].text, "recipe.yaml: these keys change nothing here: start, end, offload_device");
    names(options->notices[1].text, "FP8_DYNAMIC");
    CHECK(options->ignore_recipe.ends_with("recipe.yaml"));
    CHECK(std::get<awq::quantize>(options->task).formats.front().recipe.ends_with("recipe.yaml"));
}

TEST_CASE("an expression that takes too long is refused, not taken as one that does not match")
{
    const shapes source{256, 512};
    auto options = with_scheme("W4A16");
    options.ignore = {"re:(.*)*(.*)*(.*)*(.*)*[^a-z0-9._]$"};
    const auto plan = plan_of(options, source);
    REQUIRE_FALSE(plan);
    INFO(plan.error().text());
    CHECK(plan.error().code() != error_code::invalid_argument);
    names(std::string{plan.error().text()}, "takes too long");
}

TEST_CASE("the first group of a recipe that names a layer decides over it")
{
    const auto recipe = awq::load_recipe(AWQ_EXAMPLE_DATA "/../recipes/mixed_schemes.yaml");
    REQUIRE(recipe);
    awq::oneshot_options options;
    REQUIRE(awq::apply_recipe(*recipe, options));
    const shapes source{256, 512};
    const auto plan = plan_of(options, source);
    REQUIRE(plan);
    CHECK(plan->quantizer_of("model.layers.1.mlp.down_proj")->name() == "FP8 per channel");
    CHECK(plan->format_of("model.layers.1.mlp.down_proj")->activations == activation_rounding::fp8_token);
    CHECK(plan->quantizer_of("model.layers.0.self_attn.k_proj")->name() == "W4A16_ASYM g128");
    CHECK(plan->quantizer_of("model.layers.0.mlp.gate_proj")->name() == "NVFP4");
    CHECK_FALSE(plan->quantizer_of("lm_head"));
    CHECK(plan->group_size() == std::size_t{0});
    CHECK(*plan_of(with_scheme("NVFP4"), source)->group_size() == 16);
    CHECK(*plan_of(with_scheme("W4A16", 64), source)->group_size() == 64);
}

TEST_CASE("arguments of weights and activations amount to schemes, or are refused")
{
    const auto scheme_of = [](const std::string& weights, const std::string& activations) {
        const auto options = options_of(quantization(
            "        group_0:\n          weights: {" + weights +
            "}\n          input_activations: " + (activations.empty() ? "null" : "{" + activations + "}") + "\n"));
        if (options) return std::get<awq::quantize>(options->task).formats.front().scheme;
        CHECK(options.error().code() == error_code::unsupported);
        return std::string{"refused"};
    };
    const std::string fp8 = "num_bits: 8, type: float, ", int8 = "num_bits: 8, type: int, ";
    const std::string fp4 = "num_bits: 4, type: float, ", token = "strategy: token, dynamic: true";
    CHECK(scheme_of(int8 + "strategy: channel", int8 + token) == "W8A8");
    CHECK(scheme_of(int8 + "strategy: channel", "") == "W8A16");
    CHECK(scheme_of(fp8 + "strategy: channel", fp8 + token) == "FP8_DYNAMIC");
    CHECK(scheme_of(fp8 + "strategy: block, block_structure: [128, 128]",
                    fp8 + "strategy: group, group_size: 128, dynamic: true") == "FP8_BLOCK");
    CHECK(scheme_of(fp4 + "strategy: tensor_group, group_size: 16", "") == "NVFP4A16");
    CHECK(scheme_of(fp4 + "strategy: tensor_group, group_size: 16",
                    fp4 + "strategy: tensor_group, group_size: 16, dynamic: local") == "NVFP4");
    CHECK(scheme_of(fp4 + "strategy: group, group_size: 32", "") == "MXFP4A16");
    CHECK(scheme_of(fp8 + "strategy: block, block_structure: [64, 64]", "") == "refused");
    CHECK(scheme_of(fp8 + "strategy: tensor", fp8 + "strategy: tensor") == "refused");
    CHECK(scheme_of("num_bits: 4, strategy: group, group_size: 128", int8 + token) == "refused");
    const auto unknown = options_of(quantization("        group_0: {weight: {num_bits: 4}}\n"));
    REQUIRE_FALSE(unknown);
    names(std::string{unknown.error().text()}, "unknown key 'weight'");
}

TEST_CASE("an infinite weight is refused, naming the tensor and the place")
{
    namespace fs = std::filesystem;
    const test::scratch folder;
    fs::copy(test::tiny_model, folder / "model");
    const std::string path = folder / "model/model.safetensors";
    const std::string bytes = test::read(path);
    const auto shard = awq::safetensors::file::open(path);
    REQUIRE(shard);
    const auto* const tensor = shard->find("model.layers.2.self_attn.v_proj.weight");
    REQUIRE(tensor);
    const auto place = static_cast<std::size_t>(tensor->offset) + 2 * 77;
    const std::string damaged = bytes.substr(0, place) + std::string{"\x80\x7f", 2} + bytes.substr(place + 2);
    fs::remove(path);
    folder.put("model/model.safetensors", damaged);
    const auto source = awq::directory_source::open(folder / "model");
    REQUIRE(source);
    const auto block = awq::block_tensors::load(test::serial_machine(), **source, 2);
    REQUIRE_FALSE(block);
    CHECK(block.error().code() == error_code::not_finite);
    names(std::string{block.error().text()}, "model.layers.2.self_attn.v_proj.weight");
    names(std::string{block.error().text()}, "77");
}
