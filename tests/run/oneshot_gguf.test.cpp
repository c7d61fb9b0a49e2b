// SPDX-License-Identifier: MIT
#include "calibrated_run.hpp"
#include "checkpoint/gguf_files.hpp"

#include <awq/io/imatrix.hpp>

using test::says;

namespace {

awq::oneshot_options small_run(const test::scratch& room)
{
    awq::oneshot_options options = test::calibrated_run(room / "m.gguf", 4);
    options.task = awq::write_gguf{"q4_k_m"};
    return options;
}

/// Types as llama-quantize chooses them; the file loads and is near the original.
void check_file(const awq::oneshot_options& options, const test::scratch& room)
{
    const auto ours = test::open_gguf(options.output);
    const auto plain =
        test::open_gguf(test::exported(test::tiny_model, room, std::get<awq::write_gguf>(options.task).type));
    REQUIRE(ours.tensors().size() == plain.tensors().size());
    for (const auto& wanted : plain.tensors()) {
        INFO(std::string{wanted.name});
        const auto* const found = ours.find_tensor(wanted.name);
        REQUIRE(found);
        CHECK(found->type == wanted.type);
    }
    for (const auto& entry : plain.metadata()) CHECK(ours.find(entry.key) != nullptr);
}

} // namespace

TEST_CASE("one run writes a GGUF file and an importance matrix")
{
    const test::scratch room;
    awq::oneshot_options options = small_run(room);
    options.output_imatrix = room / "m.imatrix.gguf";
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    CHECK(report->scheme == "Q4_K_M");
    CHECK(report->outputs.size() == 2);
    CHECK(report->layers.size() == 28);
    check_file(options, room);
    const auto matrix = awq::imatrix::read(options.output_imatrix);
    REQUIRE(matrix);
    CHECK(matrix->entries.size() == 28);
    CHECK(matrix->chunk_count == 4);
    const auto& entry = matrix->entries.at("blk.3.ffn_down.weight");
    CHECK(entry.sums.size() == 512);
    CHECK(entry.counts == std::vector<float>{1024.0f});
    // Better than plain rounding to the same types.
    const auto windows = test::windows_of(test::tiny_model, test::samples_of(options).dataset, 256, 8);
    REQUIRE(windows);
    const test::scoring reference{test::tiny_model, "", 128};
    const auto ours = test::score(options.output, *windows, reference);
    const auto plain = test::score(room / "q4_k_m.gguf", *windows, reference);
    REQUIRE(ours);
    REQUIRE(plain);
    CHECK(ours->kl_divergence() < plain->kl_divergence());
}

TEST_CASE("the same bytes at any number of threads")
{
    const test::scratch room;
    awq::oneshot_options options = small_run(room);
    options.task = awq::write_gguf{"q3_k_m"};
    REQUIRE(test::run_oneshot(options, 1));
    const std::string first = test::read(options.output);
    options.overwrite = true;
    REQUIRE(test::run_oneshot(options, 3));
    CHECK(test::read(options.output) == first);
}

TEST_CASE("an importance matrix stands in for calibration")
{
    const test::scratch room;
    awq::oneshot_options options = small_run(room);
    options.calibration = awq::matrix_calibration{AWQ_TEST_DATA "/tiny-llama.imatrix.gguf"};
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    REQUIRE_FALSE(report->notes.empty());
    CHECK(report->notes[0].text.find("importance from") == 0);
    CHECK(report->smoothed_mappings() == 12);
    check_file(options, room);
}

TEST_CASE("layers can be kept or typed by pattern in a run")
{
    const test::scratch room;
    awq::oneshot_options options = small_run(room);
    options.calibration = awq::matrix_calibration{AWQ_TEST_DATA "/tiny-llama.imatrix.gguf"};
    options.ignore = {"lm_head", "re:.*layers\\.0\\..*down_proj"};
    awq::as<awq::write_gguf>(options.task).tensor_types = {"blk\\.1\\.attn_v=q8_0"};
    REQUIRE(test::run_oneshot(options));
    test::check_types(options.output, {{"blk.0.ffn_down.weight", awq::gguf::type::bf16},
                                       {"blk.1.attn_v.weight", awq::gguf::type::q8_0},
                                       {"token_embd.weight", awq::gguf::type::q6_k}});
}

TEST_CASE("a target is optimised for without writing it")
{
    const test::scratch room;
    awq::oneshot_options options = small_run(room);
    options.task = awq::smooth{awq::simulated_type{"q4_k_m"}};
    options.output = room / "smoothed";
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    CHECK(report->scheme == "Q4_K_M");
    CHECK(report->layers.empty());
    CHECK(std::filesystem::exists(room / "smoothed/model.safetensors"));
}
