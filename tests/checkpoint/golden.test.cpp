// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "io_compressed_tensors/quantized_files.hpp"
#include "rtn_model.hpp"

#include <awq/checkpoint/quantized_source.hpp>
#include <awq/format/layer_scheme.hpp>

#include <map>

using awq::dtype;
using awq::safetensors::checkpoint;

namespace {

/// The example model in another dtype, prepared as compressed_tensors_formats.py says where the
/// variant ends in "p".
class variant_model {
public:
    explicit variant_model(std::string_view variant) : prepared_(variant.ends_with("p"))
    {
        type_ = variant.starts_with("fp32") ? dtype::f32 : variant.starts_with("fp16") ? dtype::f16 : dtype::bf16;
        const auto source = checkpoint::open(test::tiny_model);
        REQUIRE(source);
        auto plans = awq::safetensors::plan_like(*source);
        for (auto& spec : plans.front().tensors) spec.type = awq::safetensors::to_element_type(type_);
        std::filesystem::create_directory(path());
        auto writer = awq::safetensors::shard_set_writer::create(path(), plans, false);
        REQUIRE(writer);
        for (const auto* const tensor : source->tensors()) write(*tensor, *writer);
        REQUIRE(writer->finish());
        REQUIRE(awq::copy_files(test::tiny_model, path(), awq::is_weight_file));
    }

    std::string path() const { return folder_ / "model"; }

private:
    void write(const awq::safetensors::tensor& tensor, awq::safetensors::shard_set_writer& writer)
    {
        std::vector<float> values(tensor.element_count());
        REQUIRE(awq::safetensors::read_floats(tensor, values));
        if (prepared_ && tensor.name.find("_proj.") != std::string::npos) prepare(tensor.name, tensor.shape[1], values);
        REQUIRE(writer.write_floats(tensor.name, values));
    }

    static void prepare(std::string_view name, std::size_t cols, std::vector<float>& values)
    {
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = values[i] * static_cast<float>(61 + (37 * (i % cols)) % 61);
            values[i] = values[i] / 61.0f;
        }
        if (name != "model.layers.0.self_attn.q_proj.weight") return;
        std::fill_n(values.begin(), 128, 0.0f);
        std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(cols), 128, 0.5f);
        std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(2 * cols), 128, -0.25f);
        std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(3 * cols), cols, 0.0f);
    }

    test::scratch folder_;
    bool prepared_;
    dtype type_;
};

/// The format that a checkpoint's name begins with; nothing for one that no run writes.
std::optional<awq::weight_format> format_of(std::string_view name)
{
    const std::string_view scheme = name.substr(0, name.rfind('-'));
    const auto parsed = awq::parse_layer_scheme(scheme, std::nullopt);
    return parsed ? parsed->format() : std::nullopt;
}

/// The format that its `quantization_config` amounts to, for integers without activations.
std::optional<awq::weight_format> format_of(const awq::json::value& quantization)
{
    const auto config = awq::compressed_tensors::read_quantization_config(quantization);
    REQUIRE(config);
    REQUIRE(config->groups.size() == 1);
    const auto& group = config->groups.front();
    if (group.weights.is_float || group.activations) return std::nullopt;
    return awq::integer_format{{group.weights.num_bits, group.weights.symmetric}, group.weights.group_size};
}

/// Our group says what the given one says.
void check_config(const std::string& directory, const awq::json::value& expected)
{
    const auto config = awq::json::load(directory + "/config.json");
    REQUIRE(config);
    const auto quantization = config->root().find("quantization_config");
    REQUIRE(quantization);
    const auto ours = awq::compressed_tensors::read_quantization_config(*quantization);
    const auto theirs = awq::compressed_tensors::read_quantization_config(expected);
    REQUIRE(ours);
    REQUIRE(theirs);
    REQUIRE(ours->groups.size() == 1);
    CHECK(ours->groups[0].targets == theirs->groups[0].targets);
    CHECK(ours->groups[0].format == theirs->groups[0].format);
    CHECK(ours->groups[0].weights == theirs->groups[0].weights);
    CHECK(ours->groups[0].activations == theirs->groups[0].activations);
    CHECK(ours->ignore == theirs->ignore);
}

void check_tensors(const std::string& directory, const awq::json::value& expected)
{
    const auto written = checkpoint::open(directory);
    REQUIRE(written);
    std::size_t compared = 0;
    for (const awq::json::member& each : expected.members()) {
        const auto* const tensor = written->find(each.key);
        INFO(each.key);
        REQUIRE(tensor);
        std::vector<awq::json::value> facts;
        for (const awq::json::value& fact : each.value.elements()) facts.push_back(fact);
        REQUIRE(facts.size() == 3);
        CHECK(name_of(tensor->stored) == *facts[0].as_string());
        std::vector<std::uint64_t> shape;
        for (const awq::json::value& extent : facts[1].elements()) shape.push_back(*extent.as_unsigned());
        CHECK(tensor->shape == shape);
        CHECK(test::fnv(tensor->bytes) == *facts[2].as_string());
        ++compared;
    }
    CHECK(compared == written->tensors().size());
}

/// Every quantized layer's weight as the reader gives it.
void check_weights(const std::string& directory, const awq::json::value& expected)
{
    const auto source = awq::quantized_source::open(directory);
    REQUIRE(source);
    CHECK((*source)->weights().size() == expected.members().size());
    for (const awq::json::member& each : expected.members()) {
        const std::string name = std::string{each.key} + ".weight";
        INFO(name);
        const auto shape = (*source)->shape(name);
        REQUIRE(shape);
        std::vector<float> values(shape->rows * shape->cols);
        REQUIRE((*source)->read(name, {values.data(), shape->rows, shape->cols}));
        CHECK(test::fnv(std::as_bytes(std::span{values})) == *each.value.as_string());
    }
}

} // namespace

TEST_CASE("rounded weights are stored as llm-compressor stores them, and read as it reads them")
{
    const auto formats = awq::json::load(test::golden_directory + "compressed_tensors_tiny.json");
    const auto weights = awq::json::load(test::golden_directory + "compressed_tensors_weights.json");
    REQUIRE(formats);
    REQUIRE(weights);
    std::map<std::string, std::unique_ptr<variant_model>> models;
    std::size_t compared = 0;
    for (const awq::json::member& each : formats->root().find("checkpoints")->members()) {
        INFO(each.key);
        const auto quantization = each.value.find("quantization_config");
        REQUIRE(quantization);
        auto format = format_of(each.key);
        if (!format) format = format_of(*quantization);
        if (!format) continue;
        const std::string variant{each.key.substr(each.key.rfind('-') + 1)};
        auto& model = models[variant];
        if (!model) model = std::make_unique<variant_model>(variant);
        const test::scratch folder;
        const auto done = test::round_to_compressed_tensors(model->path(), folder / "out", test::all_layers(*format));
        REQUIRE(done);
        check_config(*done, *quantization);
        check_tensors(*done, *each.value.find("tensors"));
        check_weights(*done, *weights->root().find("checkpoints")->find(each.key));
        ++compared;
    }
    CHECK(compared == 55); // all but MXFP8
}

TEST_CASE("weights in AutoAWQ's layout are those that AutoAWQ unpacks")
{
    const auto golden = awq::json::load(test::golden_directory + "autoawq_weights.json");
    REQUIRE(golden);
    const test::scratch folder;
    const auto done = test::round_to_autoawq(test::tiny_model, folder / "out", test::all_layers({4, false}, 128));
    REQUIRE(done);
    check_weights(*done, *golden->root().find("layers"));
}
