// SPDX-License-Identifier: MIT
// Which scheme each layer gets, by flags and recipes, and what is refused before any work.
#include "catch.hpp"

#include "io/scratch.hpp"
#include "rtn_model.hpp"

#include <awq/pipeline/apply_recipe.hpp>
#include <awq/pipeline/layer_plan.hpp>
#include <awq/recipe/load_recipe.hpp>

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
    options.formats = {{{"Linear"}, std::move(scheme), group_size}};
    return options;
}

std::string refusal(const awq::oneshot_options& options, const awq::tensor_source& source,
                    error_code code)
{
    const auto plan = awq::layer_plan::make(options, source);
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
           "      config_groups:\n" + groups;
}

} // namespace

TEST_CASE("schemes are known by the names of llm-compressor, in any case")
{
    struct expectation {
        std::string_view name, text;
        activation_rounding activations;
    };
    constexpr expectation all[] = {
        {"W4A16", "W4A16 g128", activation_rounding::none},
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
    const std::string text = refusal(with_scheme("W4A17"), source, error_code::unsupported);
    for (const std::string_view part : {"W4A17", "W2A16 to W8A16", "_ASYM", "W8A8", "FP8",
                                        "FP8_DYNAMIC", "FP8_BLOCK", "NVFP4A16", "MXFP4A16"})
        names(text, part);
    names(refusal(with_scheme("FP8", 64), source, error_code::invalid_argument), "no group size");
}

TEST_CASE("a pattern that matches no layer is named")
{
    const shapes source{256, 512};
    auto options = with_scheme("W4A16");
    options.formats.front().targets = {"Linear", "re:.*qkv_proj"};
    const std::string target = refusal(options, source, error_code::invalid_argument);
    names(target, "re:.*qkv_proj");
    names(target, "targets");
    options.formats.front().targets = {"model.layers.2.mlp.up_proj"}; // there are two
    names(refusal(options, source, error_code::invalid_argument), "model.layers.2.mlp.up_proj");
    options = with_scheme("W4A16");
    options.ignore = {"lm_head", "mlp.up_proj"};
    const std::string ignored = refusal(options, source, error_code::invalid_argument);
    names(ignored, "mlp.up_proj");
    names(ignored, "--ignore");
    options.smoothing_only = true;
    refusal(options, source, error_code::invalid_argument);
    for (const char* const fine : {"lm_head", "re:.*lm_head", "re:.*embed.*", "re:.*up_proj"}) {
        options.ignore = {fine};
        CHECK(awq::layer_plan::make(options, source));
    }
}

TEST_CASE("a layer whose shape its scheme cannot take is named before any work")
{
    const shapes narrow{96, 512}, odd{72, 200}, halves{80, 160};
    const std::string text = refusal(with_scheme("W4A16"), narrow, error_code::shape_mismatch);
    names(text, "model.layers.0.self_attn.q_proj");
    names(text, "96");
    names(text, "128");
    CHECK(awq::layer_plan::make(with_scheme("W4A16", 32), narrow));
    auto down_only = with_scheme("W4A16");
    down_only.formats.front().targets = {"re:.*down_proj"};
    CHECK(awq::layer_plan::make(down_only, narrow));
    names(refusal(with_scheme("NVFP4A16"), odd, error_code::shape_mismatch), "72");
    CHECK(awq::layer_plan::make(with_scheme("NVFP4A16"), halves));
    names(refusal(with_scheme("MXFP4"), halves, error_code::shape_mismatch), "80");
    for (const char* const any_shape : {"FP8", "FP8_BLOCK", "W8A8"})
        CHECK(awq::layer_plan::make(with_scheme(any_shape), odd));
}

TEST_CASE("the first group of a recipe that names a layer decides over it")
{
    const auto recipe = awq::load_recipe(AWQ_EXAMPLE_DATA "/../recipes/mixed_schemes.yaml");
    REQUIRE(recipe);
    awq::oneshot_options options;
    REQUIRE(awq::apply_recipe(*recipe, options));
    const shapes source{256, 512};
    const auto plan = awq::layer_plan::make(options, source);
    REQUIRE(plan);
    CHECK(plan->quantizer_of("model.layers.1.mlp.down_proj")->name() == "FP8 per channel");
    CHECK(plan->format_of("model.layers.1.mlp.down_proj")->activations ==
          activation_rounding::fp8_token);
    CHECK(plan->quantizer_of("model.layers.0.self_attn.k_proj")->name() == "W4A16_ASYM g128");
    CHECK(plan->quantizer_of("model.layers.0.mlp.gate_proj")->name() == "NVFP4");
    CHECK_FALSE(plan->quantizer_of("lm_head"));
    CHECK(plan->group_size() == std::size_t{0});
    CHECK(*awq::layer_plan::make(with_scheme("NVFP4"), source)->group_size() == 16);
    CHECK(*awq::layer_plan::make(with_scheme("W4A16", 64), source)->group_size() == 64);
}

TEST_CASE("arguments of weights and activations amount to schemes, or are refused")
{
    const auto scheme_of = [](const std::string& weights, const std::string& activations) {
        const auto options = options_of(quantization(
            "        group_0:\n          weights: {" + weights + "}\n          input_activations: " +
            (activations.empty() ? "null" : "{" + activations + "}") + "\n"));
        if (options) return options->formats.front().scheme;
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
    const std::string damaged =
        bytes.substr(0, place) + std::string{"\x80\x7f", 2} + bytes.substr(place + 2);
    fs::remove(path);
    folder.put("model/model.safetensors", damaged);
    const auto source = awq::directory_source::open(folder / "model");
    REQUIRE(source);
    const auto block = awq::block_tensors::load(**source, 2);
    REQUIRE_FALSE(block);
    CHECK(block.error().code() == error_code::not_finite);
    names(std::string{block.error().text()}, "model.layers.2.self_attn.v_proj.weight");
    names(std::string{block.error().text()}, "77");
}
