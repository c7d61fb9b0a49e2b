// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/modifier.hpp>

#include <vector>

namespace {

using small::linear;
using small::matrix;
using smoother = awq::modifier<awq::smoothing_only<>, awq::group_size<16>>;

// Two blocks of norm -> q, k and up -> down, with memory for a streaming run over them.
struct block {
    matrix norm = small::random(1, 32, 1), q = small::random(8, 32, 2), k = small::random(8, 32, 3);
    matrix up = small::random(48, 32, 4), down = small::random(8, 48, 5);
    std::vector<awq::matrix_view<float>> attention{q.view(), k.view()}, mlp{down.view()};
    matrix x = small::random(128, 32, 6), hidden = linear(x, up);
};

struct streaming {
    block first, second;
    std::vector<float> sums;
    std::vector<awq::tracked_mapping> tracked = std::vector<awq::tracked_mapping>(4);
    std::vector<double> scales = std::vector<double>(32);

    streaming()
    {
        sums.resize(2 * awq::activation_stats::size(32, true) + 2 * awq::activation_stats::size(48, true));
        awq::workspace space{sums};
        std::size_t next = 0;
        for (block* each : {&first, &second}) {
            tracked[next].target = {awq::smooth_target::of_norm(each->norm.values), each->attention};
            tracked[next++].stats = *awq::activation_stats::make(space, 32, true);
            tracked[next].target = {awq::smooth_target::of_linear(each->up.view()), each->mlp};
            tracked[next++].stats = *awq::activation_stats::make(space, 48, true);
        }
        tracked[0].scales = scales;
    }
};

} // namespace

TEST_CASE("a streaming run smooths block after block, as one call would")
{
    streaming set;
    const smoother how;
    std::vector<float> memory(smoother{}.workspace_size(128, 48, 16));
    auto run = how.begin(set.tracked);
    for (std::size_t b = 0; b < 2; ++b) {
        block& now = b == 0 ? set.first : set.second;
        for (std::size_t t = 0; t < 128; t += 32) {
            REQUIRE(run.observe(2 * b, now.x.view().rows_from(t, 32)));
            REQUIRE(run.observe(2 * b + 1, now.hidden.view().rows_from(t, 32)));
        }
        REQUIRE(run.end_block(2 * b, 2, memory));
    }
    const auto summary = run.finish();
    REQUIRE(summary);
    CHECK(summary->smoothed == 4);
    CHECK(summary->skipped == 0);
    CHECK(summary->tokens == 128);

    block alone;
    const auto once =
        how.smooth({awq::smooth_target::of_norm(alone.norm.values), alone.attention}, alone.x.view(), memory);
    REQUIRE(once);
    CHECK(once->best_ratio == set.tracked[0].outcome.best_ratio);
    CHECK(once->best_error == Approx(set.tracked[0].outcome.best_error).epsilon(1e-4));
    for (std::size_t i = 0; i < 32; ++i) CHECK(set.scales[i] == Approx(once->best_scales[i]));
    CHECK(small::difference(alone.q, set.first.q) < 1e-6);
}

TEST_CASE("what cannot be smoothed is skipped with its reason, and the run goes on")
{
    streaming set;
    set.second.mlp[0] = set.second.down.view().cols_from(0, 40); // groups of 16 do not fit
    set.tracked[3].target.balances = set.second.mlp;
    const smoother how;
    std::vector<float> memory(smoother{}.workspace_size(128, 48, 16));
    auto run = how.begin(set.tracked);
    REQUIRE(run.observe(0, set.first.x.view()));
    REQUIRE(run.end_block(0, 2, memory)); // mapping 1 saw nothing
    REQUIRE(run.observe(2, set.second.x.view()));
    REQUIRE(run.observe(3, set.second.hidden.view()));
    REQUIRE(run.end_block(2, 2, memory));
    const auto summary = run.finish();
    REQUIRE(summary);
    CHECK(summary->smoothed == 2);
    CHECK(summary->skipped == 2);
    CHECK(set.tracked[1].reason.error().code() == awq::error_code::not_calibrated);
    CHECK(set.tracked[3].reason.error().code() == awq::error_code::shape_mismatch);
}

TEST_CASE("calls out of order are refused")
{
    streaming set;
    const smoother how;
    std::vector<float> memory(smoother{}.workspace_size(128, 48, 16));
    auto run = how.begin(set.tracked);
    CHECK_FALSE(run.observe(4, set.first.x.view()));
    REQUIRE(run.observe(0, set.first.x.view()));
    CHECK_FALSE(run.finish()); // observed, not ended
    CHECK_FALSE(run.end_block(0, 1, std::span(memory).first(64)));
    REQUIRE(run.end_block(0, 1, memory));
    CHECK_FALSE(run.observe(0, set.first.x.view())); // smoothed already
    CHECK_FALSE(run.end_block(0, 1, memory));
    CHECK(run.finish());
}
