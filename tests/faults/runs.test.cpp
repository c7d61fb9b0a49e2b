// SPDX-License-Identifier: MIT
#include "failing_new.hpp"
#include "io/scratch.hpp"
#include "run/model_runs.hpp"

#include <awq/run/calls.hpp>

namespace {

const std::string model = AWQ_EXAMPLE_DATA "/tiny-llama";

awq::oneshot_options small_run(const std::string& output)
{
    awq::oneshot_options options;
    options.model = model;
    test::samples_of(options).dataset = AWQ_EXAMPLE_DATA "/calibration.txt";
    options.output = output;
    test::samples_of(options).num_calibration_samples = 2;
    test::samples_of(options).max_seq_length = 8;
    options.smoothing->search.n_grid = 3;
    return options;
}

/// Takes away the output "out"; what else lies there should not.
auto remove_output(const test::scratch& here)
{
    return [&here] {
        std::filesystem::remove_all(here / "out");
        return std::filesystem::is_empty(here.string()) ? std::string{} : "something was left behind";
    };
}

} // namespace

TEST_CASE("a run that has no memory says so and leaves nothing")
{
    const test::scratch here;
    auto options = small_run(here / "out");
    // Without a limit of threads: giving one of TBB back allocates where nothing may throw.
    const auto run = [&] { return test::run_oneshot(options); };
    options.task = awq::smooth{};
    test::fail_each_allocation("smoothing", run, {12}, remove_output(here));
    options.task = test::to_scheme("W4A16_ASYM", 32);
    test::fail_each_allocation("quantizing", run, {12}, remove_output(here));
}

TEST_CASE("an export that has no memory says so and leaves nothing")
{
    const test::scratch here;
    awq::export_options options;
    options.model = model;
    options.output = here / "out";
    options.type = "q4_k_m";
    const auto run = [&] { return awq::export_gguf(options); };
    test::fail_each_allocation("export", run, {40}, remove_output(here));
}

TEST_CASE("an evaluation and a continuation that have no memory say so")
{
    const auto windows = test::windows_of(model, AWQ_EXAMPLE_DATA "/heldout.txt", 8, 2);
    REQUIRE(windows);
    test::fail_each_allocation("evaluate", [&] { return test::score(model, *windows); }, {40});
    test::fail_each_allocation("generate", [&] { return test::continue_greedily(model, windows->front(), 2); }, {40});
}
