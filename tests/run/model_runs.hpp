// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_RUN_MODEL_RUNS_HPP
#define AWQ_TESTS_RUN_MODEL_RUNS_HPP

#include <awq/evaluate/evaluation.hpp>
#include <awq/recipe/oneshot_options.hpp>
#include <awq/report/run_report.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The library's calls on whole models, as the tests use them.
namespace test {

/// Tasks by a scheme for all linear layers.
inline awq::quantize to_scheme(std::string scheme, std::optional<std::size_t> group_size = {})
{
    awq::quantize task;
    task.formats = {{{"Linear"}, std::move(scheme), group_size}};
    return task;
}
inline awq::smooth smoothing_for(std::string scheme, std::optional<std::size_t> group_size = {})
{
    return {awq::simulated_schemes{to_scheme(std::move(scheme), group_size).formats}};
}

/// The samples that a run calibrates with.
inline awq::sample_calibration& samples_of(awq::oneshot_options& options)
{
    return awq::as<awq::sample_calibration>(options.calibration);
}

using token_ids = std::vector<std::int32_t>;

/// `threads` 0: as many as the machine has.
awq::result<awq::run_report> run_oneshot(const awq::oneshot_options& options, std::size_t threads = 0);

struct scoring {
    std::string reference; ///< a model directory, or empty
    std::string scheme;    ///< rounds the linear layers first: "W4A16_ASYM"
    std::size_t group_size = 128;
};

/// Scores a model directory on windows of token ids.
awq::result<awq::evaluation> score(const std::string& model, const std::vector<token_ids>& windows,
                                   const scoring& how = {});

/// Windows of a text, tokenized as the model does; at most `count`.
awq::result<std::vector<token_ids>> windows_of(const std::string& model, const std::string& text, std::size_t length,
                                               std::size_t count);

/// Greedy continuation.
awq::result<token_ids> continue_greedily(const std::string& model, const token_ids& prompt, std::size_t count);

} // namespace test

#endif
