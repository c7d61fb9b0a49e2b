// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "checkpoint/rtn_model.hpp"
#include "io/scratch.hpp"

#include <awq/run/convert.hpp>

#include <filesystem>

using awq::checkpoint_layout;
using awq::error_code;

namespace {

awq::result<awq::conversion> convert(const std::string& model, const std::string& output, checkpoint_layout layout,
                                     bool round_scales = false)
{
    awq::convert_options options;
    options.model = model;
    options.output = output;
    options.layout = layout;
    options.round_scales = round_scales;
    return awq::convert(options);
}

void check_same_files(const std::string& a, const std::string& b)
{
    for (const char* name : {"/model.safetensors", "/config.json", "/tokenizer.json"}) {
        INFO(name);
        CHECK(test::read(a + name) == test::read(b + name));
    }
}

} // namespace

TEST_CASE("there and back gives the same files, and each is what a direct output writes")
{
    const test::scratch folder;
    for (const bool symmetric : {false, true}) {
        const std::string name = symmetric ? "s" : "a";
        const auto formats = test::all_layers({4, symmetric}, 128);
        const auto packed = test::round_to_compressed_tensors(test::tiny_model, folder / (name + "-ct"), formats);
        const auto gemm = test::round_to_autoawq(test::tiny_model, folder / (name + "-awq"), formats);
        REQUIRE(packed);
        REQUIRE(gemm);
        const auto there = convert(*packed, folder / (name + "-1"), checkpoint_layout::autoawq);
        REQUIRE(there);
        CHECK(there->layers == 28);
        CHECK(there->rounded_scales == 0);
        CHECK(there->symmetric == symmetric);
        check_same_files(there->output, *gemm);
        const auto back = convert(there->output, folder / (name + "-2"), checkpoint_layout::compressed_tensors);
        REQUIRE(back);
        CHECK(back->symmetric == symmetric);
        check_same_files(back->output, *packed);
    }
}

TEST_CASE("what cannot be converted without loss is refused, by the layer's name")
{
    const test::scratch folder;
    const auto refused = [&](const std::string& model, checkpoint_layout layout, error_code code,
                             std::string_view text) {
        const auto done = convert(model, folder / "never", layout);
        REQUIRE_FALSE(done);
        INFO(done.error().text());
        CHECK(done.error().code() == code);
        CHECK(done.error().text().find(text) != std::string_view::npos);
        CHECK_FALSE(std::filesystem::exists(folder / "never"));
    };
    refused(test::tiny_model, checkpoint_layout::autoawq, error_code::unsupported, "quantization_config");
    const auto three =
        test::round_to_compressed_tensors(test::tiny_model, folder / "w3", test::all_layers({3, true}, 128));
    REQUIRE(three);
    refused(*three, checkpoint_layout::autoawq, error_code::unsupported, "4 bits only");
    refused(*three, checkpoint_layout::compressed_tensors, error_code::invalid_argument, "already");
    const auto activations = test::round_to_compressed_tensors(test::tiny_model, folder / "w8a8", [](std::string_view) {
        return std::optional{
            awq::weight_format{awq::integer_format{{8, true}, 0}, awq::activation_rounding::int8_token}};
    });
    REQUIRE(activations);
    refused(*activations, checkpoint_layout::autoawq, error_code::unsupported, "model.layers.");
    const auto floats =
        test::round_to_compressed_tensors(test::tiny_model, folder / "fp8", test::all_layers(awq::fp8_format{}));
    REQUIRE(floats);
    refused(*floats, checkpoint_layout::autoawq, error_code::unsupported, "float-quantized");
    const auto sizes = test::round_to_compressed_tensors(test::tiny_model, folder / "g", [](std::string_view layer) {
        const std::size_t size = layer.ends_with("up_proj") ? 64 : 128;
        return std::optional{awq::integer_format{{4, true}, size}};
    });
    REQUIRE(sizes);
    refused(*sizes, checkpoint_layout::autoawq, error_code::unsupported, "one for all layers");
}

TEST_CASE("scales that F16 does not have are refused, or rounded when that is allowed")
{
    const test::scratch folder;
    const auto packed =
        test::round_to_compressed_tensors(test::tiny_model, folder / "ct", test::all_layers({4, true}, 128));
    REQUIRE(packed);
    // A scale below the smallest half-precision number, written into the file.
    const auto made = awq::safetensors::checkpoint::open(*packed);
    REQUIRE(made);
    const auto* const scale = made->find("model.layers.2.mlp.up_proj.weight_scale");
    REQUIRE(scale);
    std::string bytes = test::read(*packed + "/model.safetensors");
    const std::uint16_t tiny = awq::bf16{0x1p-40f}.bits;
    std::memcpy(bytes.data() + scale->offset, &tiny, 2);
    std::filesystem::remove(*packed + "/model.safetensors");
    std::ofstream{*packed + "/model.safetensors", std::ios::binary} << bytes;
    const auto refused = convert(*packed, folder / "awq", checkpoint_layout::autoawq);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::unsupported);
    CHECK(refused.error().text().find("model.layers.2.mlp.up_proj: 1 of 1024 scales") != std::string_view::npos);
    const auto rounded = convert(*packed, folder / "awq", checkpoint_layout::autoawq, true);
    REQUIRE(rounded);
    CHECK(rounded->rounded_scales == 1);
}
