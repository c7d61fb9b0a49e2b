// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "io/scratch.hpp"
#include "rtn_model.hpp"

#include <awq/checkpoint/quantized_source.hpp>

#include <cmath>
#include <filesystem>

using awq::error_code;
using awq::integer_format;
using awq::safetensors::checkpoint;

namespace {

awq::json::document config_of(const std::string& directory)
{
    auto config = awq::json::load(directory + "/config.json");
    REQUIRE(config);
    return std::move(*config);
}

/// 8 bits per channel for down_proj, one layer left alone, 4 bits in groups of 32 elsewhere.
std::optional<awq::weight_format> mixed(std::string_view layer)
{
    if (layer == "model.layers.1.self_attn.o_proj") return std::nullopt;
    if (layer.ends_with("down_proj")) return integer_format{{8, true}, 0};
    return integer_format{{4, false}, 32};
}

} // namespace

TEST_CASE("everything that is not quantized is carried over, and config.json keeps its order")
{
    const test::scratch folder;
    const auto done = test::round_to_compressed_tensors(test::tiny_model, folder / "out", mixed);
    REQUIRE(done);
    const auto source = checkpoint::open(test::tiny_model), made = checkpoint::open(*done);
    REQUIRE(source);
    REQUIRE(made);
    for (const auto* const tensor : source->tensors()) {
        INFO(tensor->name);
        const bool linear = tensor->name.find("_proj.") != std::string::npos;
        const auto* const copy = made->find(tensor->name);
        if (linear && tensor->name != "model.layers.1.self_attn.o_proj.weight") {
            CHECK_FALSE(copy);
        } else {
            REQUIRE(copy);
            CHECK(copy->stored == tensor->stored);
            CHECK(std::equal(copy->bytes.begin(), copy->bytes.end(), tensor->bytes.begin(), tensor->bytes.end()));
        }
    }
    CHECK(test::read(folder / "out/tokenizer.json") == test::read(test::tiny_model + "/tokenizer.json"));
    const auto before = config_of(test::tiny_model), after = config_of(*done);
    std::vector<std::string> keys, expected;
    for (const auto& each : before.root().members()) expected.emplace_back(each.key);
    for (const auto& each : after.root().members()) keys.emplace_back(each.key);
    expected.emplace_back("quantization_config");
    CHECK(keys == expected);
}

TEST_CASE("layers of several formats become several groups that name them")
{
    const test::scratch folder;
    const auto done = test::round_to_compressed_tensors(test::tiny_model, folder / "out", mixed);
    REQUIRE(done);
    const auto config = config_of(*done);
    const auto read = awq::compressed_tensors::read_quantization_config(*config.root().find("quantization_config"));
    REQUIRE(read);
    REQUIRE(read->groups.size() == 2);
    CHECK(read->ignore == std::vector<std::string>{"model.layers.1.self_attn.o_proj", "lm_head"});
    CHECK(read->groups[0].targets.size() + read->groups[1].targets.size() == 27);
    const bool first_is_channel = read->groups[0].weights.strategy == awq::compressed_tensors::strategy::channel;
    const auto& channel = read->groups[first_is_channel ? 0 : 1];
    CHECK(channel.weights.num_bits == 8);
    CHECK(channel.targets.size() == 4);
}

TEST_CASE("a sharded model keeps its shards, each layer in the shard of its weight")
{
    const std::string model = AWQ_SHARED "/models/small";
    if (!std::filesystem::exists(model)) {
        WARN("left out: " << model << " is not there");
        return;
    }
    const test::scratch folder;
    const auto done = test::round_to_compressed_tensors(model, folder / "out", test::all_layers({4, false}, 128));
    REQUIRE(done);
    const auto source = checkpoint::open(model), made = checkpoint::open(*done);
    REQUIRE(source);
    REQUIRE(made);
    REQUIRE(made->shards().size() == source->shards().size());
    for (const auto& [name, shard] : made->index()->weight_map) {
        constexpr std::string_view suffix = "_packed";
        if (!name.ends_with(suffix)) continue;
        const std::string weight = name.substr(0, name.size() - suffix.size());
        REQUIRE(source->index()->find(weight));
        CHECK(*source->index()->find(weight) == shard);
        CHECK(*made->index()->find(weight + "_scale") == shard);
        CHECK(*made->index()->find(weight + "_zero_point") == shard);
    }
}

TEST_CASE("a symmetric layer in AutoAWQ's layout has the zero point 8 everywhere")
{
    const test::scratch folder;
    const auto done = test::round_to_autoawq(test::tiny_model, folder / "out", [](std::string_view layer) {
        return layer.ends_with("v_proj") ? std::nullopt : std::optional{integer_format{{4, true}, 64}};
    });
    REQUIRE(done);
    const auto made = checkpoint::open(*done);
    REQUIRE(made);
    const auto* const zeros = made->find("model.layers.2.mlp.down_proj.qzeros");
    REQUIRE(zeros);
    CHECK(zeros->shape == std::vector<std::uint64_t>{8, 32});
    for (const std::byte each : zeros->bytes) CHECK(each == std::byte{0x88});
    const auto config = config_of(*done);
    const auto read = awq::autoawq::read_quantization_config(*config.root().find("quantization_config"));
    REQUIRE(read);
    CHECK(read->group_size == 64);
    CHECK(read->zero_point);
    CHECK(read->modules_to_not_convert.size() == 5);
    CHECK(read->modules_to_not_convert.back() == "lm_head");
}

TEST_CASE("what a layout cannot hold is refused before the work, by the layer's name")
{
    const test::scratch folder;
    const auto refused = [&](const awq::result<std::string>& done, error_code code, std::string_view text) {
        REQUIRE_FALSE(done);
        INFO(done.error().text());
        CHECK(done.error().code() == code);
        CHECK(done.error().text().find("model.layers.") != std::string_view::npos);
        CHECK(done.error().text().find(text) != std::string_view::npos);
        CHECK(std::filesystem::is_empty(folder.string()));
    };
    const auto target = folder / "out";
    refused(test::round_to_autoawq(test::tiny_model, target, test::all_layers({3, false}, 128)),
            error_code::unsupported, "4 bits only");
    refused(test::round_to_autoawq(test::tiny_model, target, test::all_layers({4, false}, 96)),
            error_code::shape_mismatch, "96");
    refused(test::round_to_compressed_tensors(test::tiny_model, target, test::all_layers({4, false}, 96)),
            error_code::shape_mismatch, "96");
    const auto sizes = [](std::string_view layer) {
        const std::size_t size = layer.ends_with("up_proj") ? 64 : 128;
        return std::optional{integer_format{{4, false}, size}};
    };
    refused(test::round_to_autoawq(test::tiny_model, target, sizes), error_code::unsupported, "one for all layers");
    for (const awq::weight_format& format :
         {awq::weight_format{awq::fp8_format{}}, awq::weight_format{awq::fp4_format{}}})
        refused(test::round_to_autoawq(test::tiny_model, target, test::all_layers(format)), error_code::unsupported,
                "4-bit integers only");
    const auto rounds_activations = [](std::string_view) {
        return std::optional{awq::weight_format{integer_format{{8, false}, 0}, awq::activation_rounding::int8_token}};
    };
    refused(test::round_to_compressed_tensors(test::tiny_model, target, rounds_activations), error_code::unsupported,
            "symmetric");
}

TEST_CASE("FP8 blocks are cut at the edges of a weight")
{
    const test::scratch folder;
    const auto odd = test::all_layers(awq::fp8_format{128, 96});
    const auto done = test::round_to_compressed_tensors(test::tiny_model, folder / "out", odd);
    REQUIRE(done);
    const auto made = checkpoint::open(*done);
    REQUIRE(made);
    const std::string layer = "model.layers.1.mlp.down_proj";
    CHECK(made->find(layer + ".weight")->shape == std::vector<std::uint64_t>{256, 512});
    CHECK(made->find(layer + ".weight_scale")->shape == std::vector<std::uint64_t>{2, 6});
    const auto read = awq::quantized_source::open(*done);
    REQUIRE(read);
    const auto source = awq::directory_source::open(test::tiny_model);
    REQUIRE(source);
    std::vector<float> given(256 * 512), back(given.size());
    REQUIRE((*source)->read(layer + ".weight", {given.data(), 256, 512}));
    REQUIRE((*read)->read(layer + ".weight", {back.data(), 256, 512}));
    const float largest = awq::fp4_quantizer::magnitude_of({given.data(), 256, 512});
    for (std::size_t i = 0; i < given.size(); ++i)
        REQUIRE(std::abs(back[i] - given[i]) <= std::abs(given[i]) / 16 + largest / 4096);
}

TEST_CASE("NVFP4 with rounded activations keeps the largest input of each layer's calibration")
{
    const test::scratch folder;
    const auto source = awq::directory_source::open(test::tiny_model);
    REQUIRE(source);
    const auto formats = test::all_layers(
        awq::weight_format{awq::fp4_format{awq::fp4_kind::nvfp4}, awq::activation_rounding::fp4_group});
    const auto unknown = test::round_to_compressed_tensors(test::tiny_model, folder / "out", formats);
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code() == error_code::not_calibrated);
    CHECK(std::filesystem::is_empty(folder.string()));

    const auto sink = awq::compressed_tensors_sink::create(**source, folder / "out", false, formats);
    REQUIRE(sink);
    awq::device& machine = test::plain_machine();
    for (std::size_t layer = 0; layer < 4; ++layer) {
        const auto block = awq::block_tensors::load(test::serial_machine(), **source, layer);
        REQUIRE(block);
        awq::block_statistics statistics{block->layout()};
        for (const awq::block_input& each : block->layout().inputs) {
            const std::string& input = each.name;
            const std::size_t width = statistics.of(input).in_features();
            std::vector<float> x(2 * width, 0.25f);
            x[width + 70] = -4.0f;
            x[71] = 3.0f;
            REQUIRE(statistics.of(input).observe(machine, {x.data(), 2, width}));
            std::vector<double> scales(width, 1.0);
            scales[70] = 2.0; // of smoothing: 3 is then the largest
            statistics.of(input).divide_inputs(machine, scales);
        }
        awq::block_tensors rounded = block->copy(machine);
        const auto quantized = test::round_block(**source, rounded, formats);
        REQUIRE(quantized);
        REQUIRE((*sink)->write({layer, &*block, &statistics, &*quantized}));
    }
    const auto done = (*sink)->finish();
    REQUIRE(done);
    const auto made = checkpoint::open(*done);
    REQUIRE(made);
    const auto* const scale = made->find("model.layers.2.mlp.down_proj.input_global_scale");
    REQUIRE(scale);
    std::vector<float> value(1);
    REQUIRE(awq::safetensors::read_floats(*scale, value));
    CHECK(value[0] == Approx(2688.0f / 3.0f));
    const auto config = config_of(*done);
    const auto read = awq::compressed_tensors::read_quantization_config(*config.root().find("quantization_config"));
    REQUIRE(read);
    CHECK(read->groups.at(0).activations ==
          awq::compressed_tensors::activation_args{4, true, "tensor_group", 16, true});
    CHECK(awq::quantized_source::open(*done));
}

TEST_CASE("a layer that comes otherwise than announced, or not at all, stops the output")
{
    const test::scratch folder;
    const auto source = awq::directory_source::open(test::tiny_model);
    REQUIRE(source);
    const auto formats = test::all_layers({4, false}, 128);
    {
        auto sink = awq::compressed_tensors_sink::create(**source, folder / "out", false, formats);
        REQUIRE(sink);
        const auto other = test::all_layers({4, true}, 128);
        const auto done = test::write_rounded(**source, **sink, other);
        REQUIRE_FALSE(done);
        CHECK(done.error().code() == error_code::shape_mismatch);
        CHECK(done.error().text().find("model.layers.0.") != std::string_view::npos);
    }
    {
        auto sink = awq::compressed_tensors_sink::create(**source, folder / "out", false, formats);
        REQUIRE(sink);
        const auto none = [](std::string_view) { return std::optional<awq::weight_format>{}; };
        const auto done = test::write_rounded(**source, **sink, none);
        REQUIRE_FALSE(done);
        CHECK(done.error().code() == error_code::missing_tensor);
    }
    {
        auto sink = awq::compressed_tensors_sink::create(**source, folder / "out", false, formats);
        REQUIRE(sink);
        const auto block = awq::block_tensors::load(test::serial_machine(), **source, 0);
        REQUIRE(block);
        awq::quantized_linears quantized;
        quantized.emplace("mlp.up_proj", awq::gguf_blocks{});
        const auto done = (*sink)->write({0, &*block, nullptr, &quantized});
        REQUIRE_FALSE(done);
        CHECK(done.error().code() == error_code::invalid_argument);
    }
    CHECK(std::filesystem::is_empty(folder.string()));
}
