// SPDX-License-Identifier: MIT
// Checkpoints that are quantized already, that only say so, and that are damaged.
#include "catch.hpp"

#include "io/scratch.hpp"
#include "rtn_model.hpp"

#include <awq/io/safetensors/writer.hpp>
#include <awq/run/convert.hpp>
#include <awq/run/open_model.hpp>

#include <filesystem>

namespace {

namespace fs = std::filesystem;

void says(const awq::error& problem, std::string_view part)
{
    INFO(problem.text());
    INFO("must say " << part);
    CHECK(problem.text().find(part) != std::string_view::npos);
}

void replace_in_config(const std::string& model, std::string_view from, std::string_view to)
{
    std::string content = test::read(model + "/config.json");
    const std::size_t at = content.find(from);
    REQUIRE(at != std::string::npos);
    content.replace(at, from.size(), to);
    std::ofstream{model + "/config.json", std::ios::trunc} << content;
}

/// A checkpoint of the small model in compressed-tensors, 4 bits.
std::string quantized_model(const test::scratch& room)
{
    const auto done =
        test::round_to_compressed_tensors(test::tiny_model, room / "quantized", test::all_layers({4, false}, 128));
    REQUIRE(done);
    return room / "quantized";
}

/// Gives the small model's copy a quantization_config.
std::string labelled_model(const test::scratch& room, const std::string& quantization)
{
    fs::remove_all(room / "labelled");
    fs::copy(test::tiny_model, room / "labelled");
    replace_in_config(room / "labelled", "{", "{\"quantization_config\": " + quantization + ",");
    return room / "labelled";
}

std::string summary_of(const std::string& quantization)
{
    const auto config = awq::json::document::parse(quantization, "config.json");
    REQUIRE(config);
    return awq::summarize_quantization(config->root()).text;
}

} // namespace

TEST_CASE("a quantized checkpoint is called what it is where 16 bits are needed")
{
    const test::scratch room;
    const auto plain = awq::directory_source::open(quantized_model(room));
    REQUIRE_FALSE(plain);
    CHECK(plain.error().code() == awq::error_code::unsupported);
    says(plain.error(), "is already quantized: compressed-tensors W4A16 (pack-quantized)");
    says(plain.error(), "16-bit original");
    says(plain.error(), "eval, generate, convert and inspect");
    CHECK(awq::open_model(room / "quantized"));
}

TEST_CASE("each method is described as far as its config goes")
{
    CHECK(summary_of(R"({"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"})") ==
          "AWQ gemm, 4 bits, groups of 128");
    CHECK(summary_of(R"({"quant_method": "gptq", "bits": 3, "group_size": -1})") == "GPTQ, 3 bits");
    CHECK(summary_of(R"({"quant_method": "fp8", "activation_scheme": "dynamic"})") == "FP8");
    CHECK(summary_of(R"({"quant_method": "bitsandbytes", "load_in_4bit": true,
                         "bnb_4bit_quant_type": "nf4"})") == "bitsandbytes, 4 bits (nf4)");
    CHECK(summary_of(R"({"quant_method": "bitsandbytes", "load_in_8bit": true})") == "bitsandbytes, 8 bits");
    CHECK(summary_of(R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})") == "modelopt NVFP4");
    CHECK(summary_of(R"({"quant_method": "hqq"})") == "HQQ");
    CHECK(summary_of(R"({"bits": null})") == "of an unnamed method");
    CHECK(summary_of(R"({"quant_method": "compressed-tensors", "config_groups": {"a": {
        "weights": {"num_bits": 8, "type": "int"}, "input_activations": {"num_bits": 8}}}})") ==
          "compressed-tensors W8A8");
}

TEST_CASE("a method that is not read is named, for every way of opening")
{
    const test::scratch room;
    // As bitsandbytes stores it: bytes in place of a matrix.
    const std::string model =
        labelled_model(room, R"({"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4"})");
    const auto source = awq::safetensors::checkpoint::open(test::tiny_model);
    REQUIRE(source);
    std::vector<awq::safetensors::tensor_spec> specs;
    for (const auto* const each : source->tensors()) {
        specs.push_back(each->spec());
        if (each->name.ends_with("_proj.weight"))
            specs.back() = {each->name, awq::safetensors::element_type::u8, {each->bytes.size(), 1}};
    }
    auto out = awq::safetensors::writer::create(model + "/other.safetensors", specs);
    REQUIRE(out);
    for (const auto* const each : source->tensors()) REQUIRE(out->write(each->name, each->bytes));
    REQUIRE(out->finish());
    fs::rename(model + "/other.safetensors", model + "/model.safetensors");
    const auto opened = awq::open_model(model);
    const auto plain = awq::directory_source::open(model);
    REQUIRE_FALSE(opened);
    REQUIRE_FALSE(plain);
    for (const awq::error& problem : {opened.error(), plain.error()}) {
        says(problem, model + ": is already quantized: bitsandbytes, 4 bits (nf4)");
        says(problem, "no command reads");
    }
    awq::convert_options options;
    options.model = model;
    options.output = room / "converted";
    const auto converted = awq::convert(options);
    REQUIRE_FALSE(converted);
    says(converted.error(), "bitsandbytes, 4 bits (nf4)");
    fs::copy_file(test::tiny_model + "/config.json", model + "/config.json", fs::copy_options::overwrite_existing);
    says(awq::open_model(model).error(), "is U8), but config.json has no quantization_config");
}

TEST_CASE("a quantization_config that was left over is a note")
{
    const test::scratch room;
    for (const char* left : {R"({"quant_method": "gptq", "bits": 4, "group_size": 128})",
                             R"({"quant_method": "bitsandbytes", "load_in_4bit": true})",
                             R"({"quant_method": "compressed-tensors"})", R"({"bits": 4})"}) {
        INFO(left);
        const std::string model = labelled_model(room, left);
        const auto opened = awq::open_model(model);
        if (!opened) FAIL(opened.error().text());
        const auto notices = (*opened)->notices();
        REQUIRE(notices.size() == 1);
        CHECK(notices[0].text.find("quantization_config") != std::string::npos);
        CHECK(awq::directory_source::open(model));
    }
    CHECK((*awq::open_model(test::tiny_model))->notices().empty());
    // What is wrong with plain weights under such a config is their shape.
    const std::string damaged = labelled_model(room, R"({"quant_method": "hqq"})");
    replace_in_config(damaged, "\"vocab_size\": 2048", "\"vocab_size\": 2047");
    says(awq::open_model(damaged).error(), "vocab_size");
}

TEST_CASE("a quantized checkpoint whose shapes are not the config's is refused")
{
    const test::scratch room;
    const std::string model = quantized_model(room);
    const std::string config = test::read(model + "/config.json");
    const auto refused = [&](std::string_view from, std::string_view to, std::string_view part) {
        room.put("quantized/config.json", config);
        replace_in_config(model, from, to);
        const auto opened = awq::open_model(model);
        REQUIRE_FALSE(opened);
        says(opened.error(), part);
    };
    refused("\"vocab_size\": 2048", "\"vocab_size\": 2047", "vocab_size");
    refused("\"hidden_size\": 256", "\"hidden_size\": 128", "hidden_size");
    refused("\"intermediate_size\": 512", "\"intermediate_size\": 256", "intermediate_size");
    refused("\"num_attention_heads\": 4", "\"num_attention_heads\": 2", "num_attention_heads");
    refused("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 5", "model.layers.4.");
    refused("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", "lm_head.weight");
}
