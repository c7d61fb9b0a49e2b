// SPDX-License-Identifier: MIT
#include "device/machines.hpp"
#include "device/recording_device.hpp"
#include "io/scratch.hpp"

#include <awq/io/read_file.hpp>
#include <awq/run/calls.hpp>

#include "catch.hpp"

#include <string>

namespace {

constexpr std::size_t blocks = 4;

// tiny-llama: four blocks, each of seven linear layers and four values that they read.
awq::oneshot_options request(const std::string& output)
{
    awq::oneshot_options options;
    options.model = AWQ_EXAMPLE_DATA "/tiny-llama";
    options.calibration =
        awq::sample_calibration{AWQ_SOURCE_DIR "/tests/golden/calibration_ids.jsonl", 2, 32}; // one chunk
    options.output = output;
    options.smoothing->search.n_grid = 3;
    return options;
}

std::string bytes_of(const std::string& path)
{
    const auto read = awq::read_file(path);
    REQUIRE(read);
    return *read;
}

} // namespace

TEST_CASE("a smoothing run reaches the machine through the device only, and as often as the layout says")
{
    const test::scratch room;
    awq::oneshot_options options = request(room / "plain");
    options.task = awq::smooth{};
    // 384 tokens in one chunk: more than the channels of hidden states, fewer than those of the MLP's.
    options.calibration = awq::sample_calibration{AWQ_SOURCE_DIR "/tests/golden/calibration_ids.jsonl", 3, 128};
    options.smoothing->loss = awq::loss_kind::gram;
    REQUIRE(awq::oneshot(options));
    options.output = room / "recorded";
    test::recording_device recorder{test::fast_machine()};
    REQUIRE(awq::oneshot(recorder, options));
    CHECK(bytes_of(room / "recorded/model.safetensors") == bytes_of(room / "plain/model.safetensors"));

    CHECK(recorder.count("set_precision") == 1);
    CHECK(recorder.count("attend") == blocks);
    CHECK(recorder.count("turn_heads") == 2 * blocks); // queries and keys
    CHECK(recorder.count("norm") == 2 * blocks);
    CHECK(recorder.count("multiply_activated") == 2 * blocks); // up runs in two halves,
    CHECK(recorder.count("linear") == 8 * blocks);             // so there is one product more
    CHECK(recorder.count("add") == 2 * blocks);
    CHECK(recorder.count("is_finite") == blocks);
    CHECK(recorder.count("add_sums") == 4 * blocks);
    CHECK(recorder.count("add_upper_gram") == 3 * blocks);
    CHECK(recorder.count("mirror_upper") == 3 * blocks);
    CHECK(recorder.count("search") == 3 * blocks); // v -> o is skipped: query heads share values
    CHECK(recorder.count("apply_scales") == 3 * blocks);
    CHECK(recorder.count("divide_gram") == 2 * blocks);
    CHECK(recorder.count("divide_columns") == blocks); // down's inputs are kept themselves
    for (const char* const rounding : {"round", "factor_gram", "make_feedback", "add_cross_gram", "quantize_rows"})
        CHECK(recorder.count(rounding) == 0);
}

TEST_CASE("so does a quantizing run")
{
    const test::scratch room;
    awq::oneshot_options options = request(room / "plain.gguf");
    awq::write_gguf task{"q4_0"};
    task.rounding.least_squares->tokens = 0.0f; // targets, however few the tokens
    options.task = task;
    REQUIRE(awq::oneshot(options));
    options.output = room / "recorded.gguf";
    test::recording_device recorder{test::fast_machine()};
    REQUIRE(awq::oneshot(recorder, options));
    CHECK(bytes_of(room / "recorded.gguf") == bytes_of(room / "plain.gguf"));

    CHECK(recorder.count("round") == 7 * blocks);
    CHECK(recorder.count("factor_gram") == 4 * blocks); // of each value that layers read
    CHECK(recorder.count("solve") == 4 * blocks);
    CHECK(recorder.count("make_feedback") == 4 * blocks);
    CHECK(recorder.count("restore_gram") == 4 * blocks);
    CHECK(recorder.count("move_to_target") + recorder.count("add_share") == 7 * blocks);
    CHECK(recorder.count("add_cross_gram") == 4 * blocks);
    CHECK(recorder.count("gram_error") == 2 * 7 * blocks);
    CHECK(recorder.count("quantize_rows") > 0); // embeddings and what is no block
}

TEST_CASE("what is rounded is the same whether weights are freed behind the streams or wanted by another output")
{
    const test::scratch room;
    awq::oneshot_options options = request(room / "alone.gguf");
    awq::write_gguf task{"q4_0"};
    task.rounding.least_squares->tokens = 0.0f;
    options.task = task;
    REQUIRE(awq::oneshot(options));
    options.output = room / "beside.gguf";
    options.output_smoothed = room / "smoothed";
    REQUIRE(awq::oneshot(options));
    CHECK(bytes_of(room / "beside.gguf") == bytes_of(room / "alone.gguf"));
}
