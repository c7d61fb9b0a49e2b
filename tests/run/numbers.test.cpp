// SPDX-License-Identifier: MIT
// Numbers are checked in the library, each by the name of its field, in every kind of request that has it.
#include "catch.hpp"

#include <awq/run/check_request.hpp>
#include <awq/run/run_settings.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using request = awq::oneshot_options;

/// A request of one kind that is fine as it stands.
template <class Kind>
request good(Kind task)
{
    request options;
    options.calibration = awq::sample_calibration{"text.txt"};
    options.task = std::move(task);
    REQUIRE(awq::check_request(options));
    return options;
}
request quantizing()
{
    awq::quantize task;
    task.formats = {{{"Linear"}, "W4A16", 128}};
    return good(task);
}

template <class Change>
std::string refusal(request options, Change&& change)
{
    change(options);
    const auto checked = awq::check_request(options);
    REQUIRE_FALSE(checked);
    CHECK(awq::message(checked.error().code()) == awq::message(awq::error_code::invalid_argument));
    return std::string{checked.error().text()};
}

/// Sets one number to each of these values, all of which are refused by the name of its field.
template <class Number, class Values>
void refuses(const request& from, const std::string& field, Number&& number, const Values& values)
{
    for (const auto value : values) {
        const std::string text = refusal(from, [&](request& options) { number(options) = value; });
        INFO(text);
        CHECK(text.starts_with("`" + field + "` "));
    }
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
const std::vector<float> no_damping{2.0f, 0.0f, -1.0f, nan, infinite, 1e-7f};
const std::vector<float> no_share{-0.5f, 1.5f, nan, infinite};
const std::vector<float> no_lambda{0.0f, -0.5f, nan, infinite, 2e6f};
const std::vector<std::size_t> no_count{0, ~std::size_t{0}};

template <class Kind>
awq::rounding_steps& rounding(request& options)
{
    return std::get<Kind>(options.task).rounding;
}

template <class Kind>
void refuses_rounding(const request& from)
{
    refuses(
        from, "rounding.damping", [](request& o) -> float& { return rounding<Kind>(o).error_feedback->damping; },
        no_damping);
    refuses(
        from, "least_squares.lambda", [](request& o) -> float& { return rounding<Kind>(o).least_squares->lambda; },
        no_lambda);
    refuses(
        from, "least_squares.share", [](request& o) -> float& { return rounding<Kind>(o).least_squares->share; },
        no_share);
    refuses(
        from, "least_squares.tokens", [](request& o) -> float& { return rounding<Kind>(o).least_squares->tokens; },
        std::vector<float>{-1.0f, nan, infinite});
}

} // namespace

TEST_CASE("a number of the rounding that makes no sense is refused by its field, whoever gave it")
{
    refuses_rounding<awq::quantize>(quantizing());
    refuses_rounding<awq::write_gguf>(good(awq::write_gguf{"q4_k_m"}));
    const request compensating = good(awq::compensate{"q4_k_m"});
    const auto target = [](request& o) -> awq::least_squares_options& {
        return std::get<awq::compensate>(o.task).least_squares;
    };
    refuses(
        compensating, "least_squares.lambda", [&](request& o) -> float& { return target(o).lambda; }, no_lambda);
    refuses(
        compensating, "least_squares.share", [&](request& o) -> float& { return target(o).share; }, no_share);
}

TEST_CASE("a count of the calibration or the search that makes no sense is refused by its field")
{
    const request from = quantizing();
    const auto samples = [](request& o) -> awq::sample_calibration& { return std::get<0>(o.calibration); };
    refuses(
        from, "num_calibration_samples", [&](request& o) -> std::size_t& { return samples(o).num_calibration_samples; },
        no_count);
    refuses(
        from, "max_seq_length", [&](request& o) -> std::size_t& { return samples(o).max_seq_length; }, no_count);
    refuses(
        from, "smoothing.exact_loss_tokens", [](request& o) -> std::size_t& { return o.smoothing->exact_loss_tokens; },
        no_count);
    refuses(
        from, "smoothing.search_tokens", [](request& o) -> std::size_t& { return o.smoothing->search_tokens; },
        no_count);
    refuses(
        from, "search.finalists", [](request& o) -> std::size_t& { return o.smoothing->search.finalists; }, no_count);
    refuses(
        from, "search.screening_rows", [](request& o) -> std::size_t& { return o.smoothing->search.screening_rows; },
        std::vector<int>{0});
    refuses(
        from, "search.deciding_rows", [](request& o) -> std::size_t& { return o.smoothing->search.deciding_rows; },
        std::vector<int>{0});
    refuses(
        from, "search.n_grid", [](request& o) -> std::size_t& { return o.smoothing->search.n_grid; },
        std::vector<std::size_t>{0, 1, 4'000'000'000'000});
    const std::string few = refusal(from, [](request& o) {
        o.smoothing->search.n_grid = 3;
        o.smoothing->search.duo_scaling = awq::duo::both;
    });
    CHECK(few.starts_with("n_grid 3: use 4 to"));
}

TEST_CASE("a number of a format or of clipping that makes no sense is refused by its field")
{
    const request from = quantizing();
    refuses(
        from, "group_size",
        [](request& o) -> std::optional<std::size_t>& { return awq::formats_of(o.task)->front().group_size; },
        std::vector<std::size_t>{~std::size_t{0}, std::size_t{1} << 40});
    refuses(
        from, "clip_steps", [](request& o) -> int& { return std::get<awq::quantize>(o.task).clip_steps; },
        std::vector<int>{0, -1, 1001});
    const request smoothing = good(awq::smooth{});
    refuses(
        smoothing, "group_size",
        [](request& o) -> std::optional<std::size_t>& { return awq::formats_of(o.task)->front().group_size; },
        std::vector<std::size_t>{~std::size_t{0}});
    refuses(
        smoothing, "clip_steps",
        [](request& o) -> std::optional<int>& {
            return std::get<awq::simulated_schemes>(std::get<awq::smooth>(o.task).simulated).clip_steps;
        },
        std::vector<int>{0, -1, 1001});
}

TEST_CASE("numbers of steps that a request leaves out are not looked at")
{
    request options = quantizing();
    options.smoothing.reset();
    rounding<awq::quantize>(options).error_feedback.reset();
    rounding<awq::quantize>(options).least_squares.reset();
    CHECK(awq::check_request(options));
}

TEST_CASE("what a request leaves empty is refused by its field")
{
    const auto refused = [](auto task, const char* field) {
        request options;
        options.calibration = awq::sample_calibration{"text.txt"};
        options.task = task;
        const auto checked = awq::check_request(options);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().text().starts_with(field));
    };
    refused(awq::quantize{}, "`formats` is empty");
    refused(awq::write_gguf{}, "`type` is empty");
    refused(awq::compensate{}, "`target` is empty");
    refused(awq::smooth{awq::simulated_type{}}, "`target` is empty");
    CHECK(refusal(quantizing(), [](request& o) {
              o.calibration = awq::sample_calibration{};
          }).starts_with("`dataset` is empty"));
    CHECK(refusal(quantizing(), [](request& o) {
              o.calibration = awq::matrix_calibration{};
          }).starts_with("`imatrix` is empty"));
}

TEST_CASE("the settings of a run leave out what its kind of request does not have")
{
    const auto plain = awq::settings_of(good(awq::smooth{}));
    CHECK(plain.smoothing_only);
    CHECK(plain.smoothing);
    CHECK_FALSE(plain.clip_weights);
    CHECK(plain.formats.size() == 1);
    CHECK(plain.gguf_type.empty());
    const auto compensated = awq::settings_of(good(awq::compensate{"q2_k", {"ffn_down=q8_0"}}));
    CHECK(compensated.compensate);
    CHECK_FALSE(compensated.rounding.error_feedback);
    CHECK(compensated.rounding.importance);
    CHECK(compensated.rounding.least_squares_lambda > 0);
    CHECK(compensated.tensor_types.size() == 1);
    request by_matrix = quantizing();
    by_matrix.calibration = awq::matrix_calibration{"m.gguf"};
    const auto settings = awq::settings_of(by_matrix);
    CHECK(settings.loss == awq::loss_kind::gram);
    CHECK_FALSE(settings.rounding.error_feedback);
    CHECK(settings.rounding.least_squares_lambda == 0);
    CHECK(settings.dataset.empty());
}
