// SPDX-License-Identifier: MIT
// The compensated checkpoint: what llama.cpp's quantizer will make of it is what the run counted on.
#include "calibrated_run.hpp"
#include "checkpoint/gguf_files.hpp"

#include <awq/checkpoint/directory_source.hpp>
#include <awq/checkpoint/gguf_source.hpp>
#include <awq/io/imatrix.hpp>
#include <awq/quantization/storage_rounding.hpp>

using test::says;

namespace {

awq::compensate& task_of(awq::oneshot_options& options) { return awq::as<awq::compensate>(options.task); }

awq::oneshot_options compensating_run(const test::scratch& room)
{
    awq::oneshot_options options = test::calibrated_run(room / "compensated", 12);
    options.task = awq::compensate{"q4_k_m"};
    options.output_imatrix = room / "compensated.imatrix.gguf";
    return options;
}

std::vector<float> values(const awq::tensor_source& source, const std::string& name)
{
    const auto shape = source.shape(name);
    REQUIRE(shape);
    std::vector<float> read(shape->rows * shape->cols);
    REQUIRE(source.read_rows(name, 0, {read.data(), shape->rows, shape->cols}));
    return read;
}

/// Element by element, in the 16 bits that the directory stores.
void same_in_16_bits(const awq::tensor_source& file, const awq::tensor_source& directory)
{
    for (std::size_t layer = 0; layer < file.config().num_hidden_layers; ++layer) {
        for (const awq::block_linear& linear : awq::layout_of(file.config(), layer).linears) {
            const std::string name = awq::block_prefix(file.config(), layer) + linear.name + ".weight";
            INFO(name);
            auto read = values(file, name);
            awq::round_to_storage(awq::dtype::bf16, read);
            CHECK(read == values(directory, name));
        }
    }
}

std::string opened_refusal(const awq::oneshot_options& options)
{
    const auto report = test::run_oneshot(options);
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == awq::error_code::invalid_argument);
    return std::string{report.error().text()};
}

} // namespace

TEST_CASE("a compensated checkpoint is quantized by others to what the run simulated")
{
    const test::scratch room;
    awq::oneshot_options options = compensating_run(room);
    const std::string dequantized = room / "dequantized";
    task_of(options).output_dequantized = dequantized;
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    CHECK(report->mode == "compensated");
    CHECK(report->scheme == "Q4_K_M");
    REQUIRE_FALSE(report->notes.empty());
    CHECK(report->notes[0].text.find("do not compute what the model did") != std::string::npos);
    REQUIRE(report->layers.size() == 28);
    for (const auto& layer : report->layers) CHECK(layer.steps == "importance, least-squares target");

    const auto matrix = awq::imatrix::read(options.output_imatrix);
    REQUIRE(matrix);
    CHECK(matrix->entries.size() == 28);
    CHECK(matrix->entries.at("blk.2.ffn_down.weight").counts == std::vector<float>{3072.0f});
    const std::string file = test::exported(options.output, room, "q4_k_m", options.output_imatrix);
    const auto quantized = awq::gguf_source::open(file);
    REQUIRE(quantized);
    const auto simulated = awq::directory_source::open(dequantized);
    REQUIRE(simulated);
    same_in_16_bits(**quantized, **simulated);

    // Better than the original's weights rounded in the same way.
    const auto windows = test::windows_of(test::tiny_model, test::samples_of(options).dataset, 256, 8);
    REQUIRE(windows);
    const test::scoring reference{test::tiny_model, "", 128};
    const auto ours = test::score(file, *windows, reference);
    REQUIRE(ours);
    options.task = awq::smooth{awq::simulated_type{"q4_k_m"}};
    options.smoothing.reset();
    options.output_imatrix = room / "original.imatrix.gguf";
    options.output.clear();
    REQUIRE(test::run_oneshot(options));
    const auto plain =
        test::score(test::exported(test::tiny_model, room, "q4_k_m", options.output_imatrix), *windows, reference);
    REQUIRE(plain);
    CHECK(ours->kl_divergence() < 0.9 * plain->kl_divergence());
}

TEST_CASE("a compensated checkpoint says what it is")
{
    const test::scratch room;
    awq::oneshot_options options = compensating_run(room);
    task_of(options).target = "q3_k_m";
    options.smoothing.reset();
    options.output_imatrix.clear();
    REQUIRE(test::run_oneshot(options));
    const auto config = awq::json::load(options.output + "/config.json");
    REQUIRE(config);
    const auto label = config->root().find("awq_compensated");
    REQUIRE(label);
    CHECK(*label->find("function_preserving")->as_bool() == false);
    CHECK(*label->find("target")->as_string() == "Q3_K_M");
    const auto written = awq::directory_source::open(options.output);
    REQUIRE(written);
    const auto& metadata = (*written)->checkpoint().shards().front().metadata();
    const auto found = std::find_if(metadata.begin(), metadata.end(),
                                    [](const auto& pair) { return pair.first == "awq_compensated"; });
    REQUIRE(found != metadata.end());
    CHECK(found->second == "Q3_K_M, not function-preserving");
    // The first block's norm is untouched without smoothing, its values are not.
    const auto original = awq::directory_source::open(test::tiny_model);
    REQUIRE(original);
    const auto same = [&](const std::string& name) { return values(**original, name) == values(**written, name); };
    CHECK(same("model.layers.0.input_layernorm.weight"));
    CHECK(same("model.embed_tokens.weight"));
    CHECK_FALSE(same("model.layers.1.mlp.down_proj.weight"));
}

TEST_CASE("what does not go with a compensated checkpoint is refused in one line")
{
    const test::scratch room;
    const awq::oneshot_options good = compensating_run(room);
    const auto refusal = [&](const auto& change) {
        awq::oneshot_options options = good;
        change(options);
        const std::string text = opened_refusal(options);
        CHECK(text.find('\n') == std::string::npos);
        return text;
    };
    const auto names = [&](const std::string& text, const char* flag) {
        INFO(text);
        CHECK(text.find(flag) != std::string::npos);
    };
    using options = awq::oneshot_options;
    names(refusal([](options& o) { task_of(o).target.clear(); }), "`target`");
    names(refusal([](options& o) { o.calibration = awq::matrix_calibration{"m.gguf"}; }), "`dataset`, not `imatrix`");
    names(refusal([](options& o) { o.output = "m.gguf"; }), "`compensate` writes a directory");
    names(refusal([](options& o) { task_of(o).least_squares.lambda = 0; }), "`least_squares.lambda` 0");
    CHECK(std::filesystem::is_empty(room / ""));
}
