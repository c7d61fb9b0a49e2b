// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "io_compressed_tensors/quantized_files.hpp"
#include "rtn_model.hpp"

#include <awq/io/compressed_tensors/float_quantized.hpp>
#include <awq/pipeline/quantized_source.hpp>
#include <awq/quantization/fp8_quantizer.hpp>

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
        type_ = variant.starts_with("fp32")   ? dtype::f32
                : variant.starts_with("fp16") ? dtype::f16
                                              : dtype::bf16;
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
        if (prepared_ && tensor.name.find("_proj.") != std::string::npos)
            prepare(tensor.name, tensor.shape[1], values);
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

std::optional<awq::integer_format> format_of(const awq::json::value& quantization)
{
    const auto config = awq::compressed_tensors::read_quantization_config(quantization);
    REQUIRE(config);
    REQUIRE(config->groups.size() == 1);
    const auto& group = config->groups.front();
    if (group.weights.is_float) return std::nullopt;
    return awq::integer_format{{group.weights.num_bits, group.weights.symmetric},
                               group.weights.group_size,
                               group.rounds_activations};
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
        for (const awq::json::value& extent : facts[1].elements())
            shape.push_back(*extent.as_unsigned());
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

std::vector<awq::stored_tensor> round_to_fp8(awq::matrix_view<const float> weight, dtype type,
                                             bool blocks)
{
    awq::fp8_codes made{weight.rows(), weight.cols(), blocks ? 128u : 1u, blocks ? 128u : 0u, {}, {}};
    made.codes.resize(weight.size());
    made.scales.resize(made.scale_rows() * made.scale_cols());
    const awq::fp8_quantizer quantizer{made.block_rows, made.block_cols, type};
    quantizer.quantize(weight, {made.codes.data(), made.rows, made.cols}, made.scales);
    auto stored = awq::compressed_tensors::float_quantized(made, type);
    REQUIRE(stored);
    // What is read back is what the quantizer simulates.
    std::vector<float> simulated(weight.size()), read(weight.size());
    quantizer.pseudo_quantize(weight, {}, {simulated.data(), made.rows, made.cols});
    awq::compressed_tensors::config_group group;
    group.format = awq::compressed_tensors::format::float_quantized;
    group.weights.is_float = true;
    group.weights.strategy = blocks ? awq::compressed_tensors::strategy::block
                                    : awq::compressed_tensors::strategy::channel;
    group.weights.block_structure = {128, 128};
    const test::layer_on_disk disk{*stored};
    const auto opened = awq::compressed_tensors::byte_weight::open(disk.tensors(), group);
    REQUIRE(opened);
    REQUIRE((*opened)->read_rows(0, {read.data(), made.rows, made.cols}));
    CHECK(read == simulated);
    return std::move(*stored);
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
        const auto format = format_of(*each.value.find("quantization_config"));
        if (!format) continue;
        const std::string variant{each.key.substr(each.key.rfind('-') + 1)};
        auto& model = models[variant];
        if (!model) model = std::make_unique<variant_model>(variant);
        const test::scratch folder;
        const auto done = test::round_to_compressed_tensors(
            model->path(), folder / "out", [&](std::string_view) { return format; });
        REQUIRE(done);
        check_tensors(*done, *each.value.find("tensors"));
        check_weights(*done, *weights->root().find("checkpoints")->find(each.key));
        ++compared;
    }
    CHECK(compared == 39);
}

// FP8 has no sink; its quantizer and its tensors are compared layer by layer.
TEST_CASE("FP8 weights are stored as llm-compressor stores them, by channel and by block")
{
    const auto formats = awq::json::load(test::golden_directory + "compressed_tensors_tiny.json");
    REQUIRE(formats);
    std::size_t compared = 0;
    for (const awq::json::member& each : formats->root().find("checkpoints")->members()) {
        INFO(each.key);
        if (!each.key.starts_with("FP8_")) continue;
        const bool blocks = each.key.starts_with("FP8_BLOCK");
        const variant_model model{each.key.substr(each.key.rfind('-') + 1)};
        const auto source = awq::directory_source::open(model.path());
        REQUIRE(source);
        for (std::size_t layer = 0; layer < 4; ++layer) {
            const auto block = awq::block_tensors::load(**source, layer);
            REQUIRE(block);
            for (const std::string_view linear : awq::block_linears) {
                const std::string name = block->prefix() + std::string{linear};
                const auto type = *(*source)->checkpoint().find(name + ".weight")->type();
                const auto tensors = round_to_fp8(block->weight(linear), type, blocks);
                for (const awq::stored_tensor& tensor : tensors) {
                    INFO(name << '.' << tensor.spec.name);
                    const auto golden =
                        each.value.find("tensors")->find(name + "." + tensor.spec.name);
                    REQUIRE(golden);
                    std::string_view hash;
                    for (const auto& fact : golden->elements())
                        if (fact.is_string()) hash = *fact.as_string();
                    CHECK(test::fnv(tensor.bytes) == hash);
                    ++compared;
                }
            }
        }
    }
    CHECK(compared == 8 * 28 * 2);
}

TEST_CASE("weights in AutoAWQ's layout are those that AutoAWQ unpacks")
{
    const auto golden = awq::json::load(test::golden_directory + "autoawq_weights.json");
    REQUIRE(golden);
    const test::scratch folder;
    const auto done = test::round_to_autoawq(test::tiny_model, folder / "out",
                                             test::all_layers({4, false}, 128));
    REQUIRE(done);
    check_weights(*done, *golden->root().find("layers"));
}
