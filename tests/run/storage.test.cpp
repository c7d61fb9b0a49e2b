// SPDX-License-Identifier: MIT
// Weights near the largest value of their type: candidates that it cannot hold are no candidates.
#include "model_copy.hpp"
#include "model_runs.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace {

float largest_of(const test::float_tensor& tensor)
{
    float largest = 0;
    for (const float value : tensor.values) largest = std::max(largest, std::fabs(value));
    return largest;
}

void scale(test::float_tensor& tensor, float by)
{
    for (float& value : tensor.values) value *= by;
}

/// Divides a norm and multiplies its readers, by the power of two that brings their largest weight
/// next to `limit`: the function stays.
void raise(test::model_copy& model, float limit, const std::string& norm, const std::vector<std::string>& readers)
{
    float largest = 0;
    for (const std::string& each : readers) largest = std::max(largest, largest_of(model[each + ".weight"]));
    const float by = std::exp2(std::floor(std::log2(limit / largest)));
    for (const std::string& each : readers) scale(model[each + ".weight"], by);
    scale(model[norm + ".weight"], 1 / by);
}

/// The small model in F16, with weights of up to `limit`.
std::string f16_model(const test::scratch& room, float limit = 65504.0f)
{
    test::model_copy model;
    for (int layer = 0; layer < 4; ++layer) {
        const std::string block = "model.layers." + std::to_string(layer) + ".";
        const std::string attention = block + "self_attn.", mlp = block + "mlp.";
        raise(model, limit, block + "input_layernorm",
              {attention + "q_proj", attention + "k_proj", attention + "v_proj"});
        raise(model, limit, block + "post_attention_layernorm", {mlp + "gate_proj", mlp + "up_proj"});
    }
    model.write(room / "f16", test::element_type::f16);
    test::replace_in_file(room / "f16/config.json", "bfloat16", "float16");
    return room / "f16";
}

awq::oneshot_options short_run(const std::string& model, const std::string& output)
{
    awq::oneshot_options options;
    options.model = model;
    test::samples_of(options).dataset = AWQ_EXAMPLE_DATA "/calibration.txt";
    options.output = output;
    test::samples_of(options).num_calibration_samples = 2;
    test::samples_of(options).max_seq_length = 32;
    options.smoothing->search.n_grid = 6;
    return options;
}

std::size_t skipped_candidates(const awq::run_report& report)
{
    std::size_t skipped = 0;
    for (const awq::mapping_report& each : report.mappings) skipped += each.skipped_candidates;
    return skipped;
}

bool says(const awq::run_report& report, std::string_view part)
{
    return std::any_of(report.notes.begin(), report.notes.end(),
                       [&](const awq::notice& each) { return each.text.find(part) != std::string::npos; });
}

awq::run_report run(const awq::oneshot_options& options)
{
    auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    return std::move(*report);
}

} // namespace

TEST_CASE("a checkpoint in F16 near 65504 is smoothed with scales that F16 holds")
{
    const test::scratch room;
    auto options = short_run(f16_model(room), room / "out");
    options.task = awq::smooth{};
    const auto report = run(options);
    CHECK(skipped_candidates(report) > 0);
    CHECK(says(report, "scale candidates were skipped"));
    const test::model_copy smoothed{room / "out"};
    for (const auto& [name, tensor] : smoothed.tensors()) CHECK(largest_of(tensor) <= 65504.0f);
    const auto windows = test::windows_of(options.model, AWQ_EXAMPLE_DATA "/heldout.txt", 64, 2);
    REQUIRE(windows);
    const auto score = test::score(room / "out", *windows, {options.model, "", 128});
    REQUIRE(score);
    CHECK(score->kl_divergence() < 1e-3);            // what remains is the rounding to F16
    options.task = test::smoothing_for("W2A16", 64); // whose own values F16 could not hold
    options.output = room / "for_two_bits";
    CHECK(run(options).scheme == "W2A16");
}

TEST_CASE("such a checkpoint is quantized and compensated, too")
{
    const test::scratch room;
    const std::string model = f16_model(room);
    auto options = short_run(model, room / "out.gguf");
    options.task = awq::write_gguf{"q4_0"};
    CHECK(skipped_candidates(run(options)) > 0);
    options = short_run(model, room / "compensated");
    test::samples_of(options).max_seq_length = 512; // tokens enough for a least-squares target
    test::samples_of(options).num_calibration_samples = 6;
    options.task = awq::compensate{"q2_k"};
    options.output_imatrix = room / "imatrix.gguf";
    run(options);
    const test::model_copy compensated{room / "compensated"};
    for (const auto& [name, tensor] : compensated.tensors()) CHECK(largest_of(tensor) <= 65504.0f);
}

TEST_CASE("integers stand for whole multiples of a scale, so F16 holds them up to half of its range")
{
    const test::scratch room;
    auto options = short_run(f16_model(room, 32752.0f), room / "scheme");
    options.task = test::to_scheme("W4A16_ASYM", 128);
    CHECK(skipped_candidates(run(options)) > 0);
    const test::scratch full;
    options.model = f16_model(full);
    options.output = full / "scheme";
    const auto refused = test::run_oneshot(options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("near the largest number") != std::string_view::npos);
}

TEST_CASE("a run whose values fit skips no candidate and says nothing of it")
{
    const test::scratch room;
    auto options = short_run(test::tiny_model, room / "out");
    options.task = awq::smooth{};
    const auto report = run(options);
    CHECK(skipped_candidates(report) == 0);
    CHECK_FALSE(says(report, "skipped"));
}
