// SPDX-License-Identifier: MIT
// Numbers are checked in the library, and options without effect are named.
#include "catch.hpp"

#include <awq/run/check_request.hpp>
#include <awq/run/unused_options.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

/// A request that is fine as it stands.
awq::oneshot_options good()
{
    awq::oneshot_options options;
    options.dataset = "text.txt";
    options.formats = {{{"Linear"}, "W4A16", 128, {}}};
    return options;
}

template <class Change>
std::string refused(Change&& change)
{
    awq::oneshot_options options = good();
    change(options);
    const auto checked = awq::check_request(options);
    REQUIRE_FALSE(checked);
    CHECK(awq::message(checked.error().code()) == awq::message(awq::error_code::invalid_argument));
    return std::string{checked.error().text()};
}

std::vector<std::string> notices_of(const awq::oneshot_options& options)
{
    awq::notice_list notices;
    awq::note_unused_options(options, notices);
    std::vector<std::string> texts;
    for (const awq::notice& each : notices) texts.push_back(each.text);
    return texts;
}

bool begins(const std::string& text, std::string_view with) { return text.starts_with(with); }

} // namespace

TEST_CASE("a number that makes no sense is refused by its name, whoever gave it")
{
    using options = awq::oneshot_options;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    REQUIRE(awq::check_request(good()));
    for (const float damping : {2.0f, 0.0f, -1.0f, nan, std::numeric_limits<float>::infinity()})
        CHECK(begins(refused([=](options& o) { o.rounding.damping = damping; }), "damping "));
    CHECK(begins(refused([](options& o) { o.exact_loss_tokens = 0; }), "exact_loss_tokens 0"));
    CHECK(begins(refused([](options& o) { o.num_calibration_samples = 0; }), "num_calibration_samples"));
    CHECK(begins(refused([](options& o) { o.max_seq_length = 0; }), "max_seq_length 0"));
    CHECK(begins(refused([](options& o) { o.max_seq_length = ~std::size_t{0}; }), "max_seq_length"));
    CHECK(begins(refused([](options& o) { o.search.finalists = 0; }), "finalists 0"));
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{4'000'000'000'000}})
        CHECK(begins(refused([=](options& o) { o.search.n_grid = n; }), "n_grid"));
    CHECK(begins(refused([](options& o) { o.group_size = ~std::size_t{0}; }), "group_size"));
    CHECK(begins(refused([](options& o) { o.formats[0].group_size = std::size_t{1} << 40; }), "group_size"));
    for (const int steps : {0, -1, 1001})
        CHECK(begins(refused([=](options& o) { o.rounding.clip_steps = steps; }), "clip_steps"));
    for (const float value : {-0.5f, nan}) {
        CHECK(begins(refused([=](options& o) { o.rounding.least_squares_lambda = value; }), "least_squares "));
        CHECK(begins(refused([=](options& o) { o.rounding.least_squares_share = value; }), "least_squares_share"));
    }
    CHECK(begins(refused([](options& o) { o.rounding.least_squares_share = 1.5f; }), "least_squares_share 1.5"));
}

TEST_CASE("an option that changes nothing is named, with the reason")
{
    CHECK(notices_of(good()).empty());
    awq::oneshot_options options = good();
    options.rounding.error_feedback = false;
    options.rounding.damping = 0.1f;
    options.rounding.least_squares_lambda = 0;
    options.rounding.least_squares_share = 0.25f;
    auto told = notices_of(options);
    REQUIRE(told.size() == 2);
    CHECK(begins(told[0], "--damping has no effect: there is no error feedback"));
    CHECK(begins(told[1], "--least-squares-share has no effect"));

    options = good();
    options.smoothing = false;
    options.search.n_grid = 40;
    options.loss = awq::loss_kind::gram;
    told = notices_of(options);
    REQUIRE(told.size() == 2);
    CHECK(begins(told[0], "--n-grid has no effect: nothing is smoothed"));
    CHECK(begins(told[1], "--loss has no effect"));

    options = good();
    options.smoothing_only = true;
    options.rounding.error_feedback = false;
    options.rounding.clip_steps = 5;
    told = notices_of(options);
    REQUIRE(told.size() == 2);
    CHECK(begins(told[0], "--error-feedback has no effect: the weights stay in 16 bits"));
    CHECK(begins(told[1], "--clip-steps has no effect"));

    options = good();
    options.formats.clear();
    options.gguf_type = "q4_k_m";
    options.group_size = 64;
    options.rounding.clip_steps = 5;
    told = notices_of(options);
    REQUIRE(told.size() == 2);
    CHECK(begins(told[0], "--clip-steps has no effect"));
    CHECK(begins(told[1], "--group-size has no effect: GGUF types have groups of their own"));

    options = good();
    options.dataset.clear();
    options.imatrix = "m.gguf";
    options.loss = awq::loss_kind::parent_output;
    options.max_seq_length = 64;
    options.rounding.damping = 0.1f;
    told = notices_of(options);
    REQUIRE(told.size() == 3);
    CHECK(begins(told[0], "--loss has no effect"));
    CHECK(begins(told[1], "--max-seq-length has no effect"));
    CHECK(begins(told[2], "--damping has no effect"));
}

TEST_CASE("a smoothing-only run has one target and writes nothing quantized")
{
    CHECK(begins(refused([](awq::oneshot_options& o) {
                     o.smoothing_only = true;
                     o.output_dequantized = "d";
                 }),
                 "--output-dequantized has no quantized weights"));
    CHECK(refused([](awq::oneshot_options& o) {
              o.smoothing_only = true;
              o.gguf_type = "q4_k_m";
          }).find("--target q4_k_m") != std::string::npos);
    CHECK(refused([](awq::oneshot_options& o) {
              o.smoothing_only = true;
              o.target = "q4_k_m";
          }).find("--scheme") != std::string::npos);
}
