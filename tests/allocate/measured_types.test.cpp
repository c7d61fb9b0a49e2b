// SPDX-License-Identifier: MIT
#include "checkpoint/gguf_files.hpp"
#include "run/model_runs.hpp"

#include <awq/allocate/type_allocation.hpp>
#include <awq/evaluate/divergence.hpp>
#include <awq/evaluate/evaluation.hpp>

#include <cmath>
#include <set>
#include <vector>

using awq::gguf::type;
using test::says;

namespace {

std::uint64_t bytes_of(std::span<const std::vector<awq::type_candidate>> tensors,
                       const std::vector<std::size_t>& chosen)
{
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) sum += tensors[i][chosen[i]].bytes;
    return sum;
}

double error_of(std::span<const std::vector<awq::type_candidate>> tensors, const std::vector<std::size_t>& chosen)
{
    double sum = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) sum += tensors[i][chosen[i]].error;
    return sum;
}

awq::write_gguf& file_of(awq::oneshot_options& options) { return awq::as<awq::write_gguf>(options.task); }

awq::oneshot_options measured_run(const test::scratch& room)
{
    awq::oneshot_options options;
    options.model = test::tiny_model;
    test::samples_of(options).dataset = AWQ_SOURCE_DIR "/tests/golden/calibration_ids.jsonl";
    test::samples_of(options).num_calibration_samples = 4;
    test::samples_of(options).max_seq_length = 128;
    options.smoothing.reset();
    options.output = room / "m.gguf";
    options.task = awq::write_gguf{"q3_k_m", {}, true};
    return options;
}

} // namespace

TEST_CASE("bytes go to the tensors where they save most")
{
    // Errors fall fourfold with each step; the second tensor matters ten times as much.
    const std::vector<std::vector<awq::type_candidate>> tensors{
        {{type::q2_k, 10, 16.0}, {type::q3_k, 20, 4.0}, {type::q4_k, 30, 1.0}},
        {{type::q4_k, 30, 10.0}, {type::q2_k, 10, 160.0}, {type::q3_k, 20, 40.0}}};
    CHECK(awq::allocate_types(tensors, 20) == std::vector<std::size_t>{0, 1});
    CHECK(awq::allocate_types(tensors, 40) == std::vector<std::size_t>{0, 0});
    CHECK(awq::allocate_types(tensors, 49) == std::vector<std::size_t>{0, 0});
    CHECK(awq::allocate_types(tensors, 50) == std::vector<std::size_t>{1, 0});
    CHECK(awq::allocate_types(tensors, 1000) == std::vector<std::size_t>{2, 0});
    // Too little for anything: the smallest there is.
    CHECK(awq::allocate_types(tensors, 5) == std::vector<std::size_t>{0, 1});
    CHECK(awq::allocate_types({}, 5).empty());
}

TEST_CASE("an allocation is never worse than one type for all")
{
    std::vector<std::vector<awq::type_candidate>> tensors(9);
    for (std::size_t t = 0; t < tensors.size(); ++t)
        for (std::size_t k = 0; k < 4; ++k)
            tensors[t].push_back(
                {type::q4_k, (t + 3) * (k + 2), std::pow(0.3, static_cast<double>(k)) * std::exp2(double(t * 7 % 5))});
    for (std::size_t k = 0; k < 4; ++k) {
        const std::vector<std::size_t> uniform(tensors.size(), k);
        const std::uint64_t budget = bytes_of(tensors, uniform);
        const auto chosen = awq::allocate_types(tensors, budget);
        CHECK(bytes_of(tensors, chosen) <= budget);
        CHECK(error_of(tensors, chosen) <= error_of(tensors, uniform));
    }
}

TEST_CASE("a candidate that is larger and no better is never taken")
{
    const std::vector<std::vector<awq::type_candidate>> tensors{
        {{type::q4_0, 18, 2.0}, {type::iq4_nl, 18, 1.5}, {type::q4_1, 20, 1.6}, {type::q8_0, 34, 1.5}}};
    CHECK(awq::allocate_types(tensors, 100) == std::vector<std::size_t>{1});
}

TEST_CASE("divergence by stripes is that of whole rows")
{
    std::vector<float> p(300), q(300);
    for (std::size_t i = 0; i < p.size(); ++i) {
        p[i] = 20.0f * std::sin(0.7f * static_cast<float>(i)) + 0.1f * static_cast<float>(i);
        q[i] = p[i] + 0.5f * std::cos(1.3f * static_cast<float>(i)) + 100.0f;
    }
    const std::span<const float> a{p}, b{q};
    for (const std::size_t width : {1, 7, 128, 300}) {
        awq::running_divergence sums;
        for (std::size_t at = 0; at < p.size(); at += width) {
            const std::size_t count = std::min(width, p.size() - at);
            sums.add(a.subspan(at, count), b.subspan(at, count));
        }
        CHECK(sums.value() == Catch::Detail::Approx(awq::kl_divergence(p, q)).margin(3e-5));
    }
    awq::running_divergence same;
    same.add(a, a);
    CHECK(same.value() < 1e-12);
}

TEST_CASE("measured types lose less in no more bytes")
{
    const test::scratch room;
    awq::oneshot_options options = measured_run(room);
    const auto report = test::run_oneshot(options, 1);
    if (!report) FAIL(report.error().text());
    CHECK(std::any_of(report->notes.begin(), report->notes.end(),
                      [](const auto& each) { return each.text.starts_with("types measured"); }));
    const std::string first = test::read(options.output);
    std::set<type> types;
    const auto file = test::open_gguf(options.output);
    for (const auto& tensor : file.tensors()) types.insert(tensor.type);
    CHECK(types.size() >= 4); // F32 norms, and three kinds of weights at least

    file_of(options).measured_types = false;
    options.output = room / "mix.gguf";
    REQUIRE(test::run_oneshot(options));
    const std::string mix = test::read(options.output);
    CHECK(first.size() <= mix.size());
    const auto windows = test::windows_of(test::tiny_model, test::samples_of(options).dataset, 256, 8);
    REQUIRE(windows);
    const test::scoring reference{test::tiny_model, "", 128};
    const auto measured = test::score(room / "m.gguf", *windows, reference);
    const auto named = test::score(options.output, *windows, reference);
    REQUIRE(measured);
    REQUIRE(named);
    CHECK(measured->kl_divergence() < 0.8 * named->kl_divergence());

    file_of(options).measured_types = true;
    options.output = room / "threads.gguf";
    REQUIRE(test::run_oneshot(options, 3));
    CHECK(test::read(options.output) == first);
}

TEST_CASE("better rounding loses less in the same format")
{
    const test::scratch room;
    awq::oneshot_options options = measured_run(room);
    options.task = awq::write_gguf{"q2_k"};
    file_of(options).rounding.error_feedback.reset();
    file_of(options).rounding.least_squares.reset();
    const auto error_of_run = [&](bool better) {
        file_of(options).better_rounding = better;
        options.overwrite = true;
        options.output = room / (better ? "better.gguf" : "exact.gguf");
        const auto report = test::run_oneshot(options);
        if (!report) FAIL(report.error().text());
        double sum = 0;
        for (const auto& layer : report->layers) sum += layer.relative_error;
        return sum;
    };
    const double exact = error_of_run(false);
    CHECK(error_of_run(true) < 0.99 * exact);
    CHECK(test::read(room / "better.gguf").size() == test::read(room / "exact.gguf").size());
    // Error feedback takes its grids from the same search.
    file_of(options).rounding.error_feedback.emplace();
    error_of_run(true);
    const std::string fed_better = test::read(room / "better.gguf");
    error_of_run(false);
    CHECK(test::read(room / "exact.gguf") != fed_better);
}

TEST_CASE("types that the user names are not measured")
{
    const test::scratch room;
    awq::oneshot_options options = measured_run(room);
    file_of(options).tensor_types = {"re:blk\\.1\\.ffn_(gate|up)=q8_0", "token_embd=f16"};
    const auto report = test::run_oneshot(options);
    if (!report) FAIL(report.error().text());
    const auto file = test::open_gguf(options.output);
    CHECK(file.find_tensor("token_embd.weight")->type == type::f16);
    CHECK(file.find_tensor("blk.1.ffn_gate.weight")->type == type::q8_0);
    CHECK(file.find_tensor("blk.1.ffn_up.weight")->type == type::q8_0);
}

TEST_CASE("requests for types that cannot be met are refused")
{
    const test::scratch room;
    awq::oneshot_options options = measured_run(room);
    file_of(options).tensor_types = {"attention_q=q8_0"};
    CHECK(says(test::run_oneshot(options).error(), "matches no tensor"));
    options = measured_run(room);
    file_of(options).type = "f16";
    CHECK(says(test::run_oneshot(options).error(), "--measured-types"));
    options = measured_run(room);
    options.calibration = awq::matrix_calibration{"m.gguf"};
    CHECK(says(test::run_oneshot(options).error(), "`measured_types` runs the model"));
    CHECK(!std::filesystem::exists(options.output));
}
