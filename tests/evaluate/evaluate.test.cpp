// SPDX-License-Identifier: MIT
// Scoring and generation against transformers' figures for the small trained model (golden.json).
#include "catch.hpp"
#include "run/model_runs.hpp"

#include <awq/io/json_reader.hpp>

#include <cmath>

namespace {

const std::string model = AWQ_EXAMPLE_DATA "/tiny-llama";

test::token_ids ids_of(const awq::json::value& list)
{
    test::token_ids ids;
    for (const auto& each : list.elements()) ids.push_back(static_cast<std::int32_t>(each.as_integer().value()));
    return ids;
}

awq::json::document golden()
{
    auto loaded = awq::json::load(model + "/golden.json");
    REQUIRE(loaded);
    return *std::move(loaded);
}

std::vector<test::token_ids> golden_windows(const awq::json::document& from)
{
    std::vector<test::token_ids> windows;
    for (const auto& each : from.root().at("stats_input_ids").value().elements()) windows.push_back(ids_of(each));
    return windows;
}

} // namespace

TEST_CASE("perplexity is that of transformers")
{
    const auto expected = golden();
    const auto found = test::score(model, golden_windows(expected));
    REQUIRE(found);
    CHECK(found->tokens == 8 * 255);
    const double nll = expected.root().at("stats_mean_nll").value().as_number().value();
    CHECK(std::log(found->perplexity()) == Approx(nll).epsilon(1e-5));
}

TEST_CASE("a model does not diverge from itself")
{
    const auto windows = golden_windows(golden());
    const auto found = test::score(model, windows, {model, "", 128});
    REQUIRE(found);
    CHECK(found->kl_divergence() == 0);
    CHECK(found->top1_agreement() == 1);
}

TEST_CASE("rounding to fewer bits diverges further")
{
    auto windows = golden_windows(golden());
    windows.resize(3);
    double last = 1e-7;
    for (const char* const scheme : {"W8A16_ASYM", "W6A16_ASYM", "W4A16_ASYM", "W3A16_ASYM"}) {
        const auto found = test::score(model, windows, {model, scheme, 128});
        REQUIRE(found);
        CHECK(found->kl_divergence() > 2 * last);
        CHECK(found->top1_agreement() < 1);
        last = found->kl_divergence();
    }
}

TEST_CASE("a group size that does not divide a layer is refused by name")
{
    const auto found = test::score(model, {{1, 2, 3}}, {"", "W4A16_ASYM", 96});
    REQUIRE_FALSE(found);
    const std::string text{found.error().text()};
    CHECK(text.find("model.layers.0.self_attn.q_proj") != std::string::npos);
    CHECK(text.find("96") != std::string::npos);
}

TEST_CASE("windows without a token to predict are an error")
{
    CHECK_FALSE(test::score(model, {{1}, {2}}));
    CHECK_FALSE(test::score(model, {}));
}

TEST_CASE("greedy generation gives transformers' tokens")
{
    const auto expected = golden();
    std::size_t prompts = 0;
    for (const auto& prompt : expected.root().at("prompts").value().elements()) {
        const auto made = test::continue_greedily(model, ids_of(prompt.at("ids").value()), 24);
        REQUIRE(made);
        CHECK(*made == ids_of(prompt.at("greedy24_ids").value()));
        ++prompts;
    }
    CHECK(prompts > 0);
}
