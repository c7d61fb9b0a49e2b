// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/products/packed.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/modifier.hpp>
#include <awq/tensor/xtensor_backend.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <vector>

namespace {

struct smoothed {
    small::matrix up = small::random(192, 40, 1), down = small::random(72, 192, 2);
    std::vector<double> scales, errors;

    template <class Modifier>
    void run(const Modifier& how, std::size_t tokens)
    {
        for (std::size_t c = 0; c < 40; ++c) up(7, c) *= 25.0f;
        const small::matrix x = small::linear(small::random(tokens, 40, 3), up);
        const awq::matrix_view<float> reads[1] = {down.view()};
        std::vector<float> memory(how.workspace_size(tokens, 192, 72));
        const auto found = how.smooth({awq::smooth_target::of_linear(up.view()), reads}, x.view(), memory);
        REQUIRE(found);
        scales.assign(found->best_scales.begin(), found->best_scales.end());
        errors.assign(found->candidate_errors.begin(), found->candidate_errors.end());
    }
    bool operator==(const smoothed& other) const
    {
        return scales == other.scales && errors == other.errors && up.values == other.up.values &&
               down.values == other.down.values;
    }
};

template <class Backend>
void same_at_any_thread_count(std::size_t tokens)
{
    smoothed alone;
    alone.run(awq::modifier<awq::smoothing_only<>, awq::group_size<32>, Backend>{}, tokens);
    for (const int threads : {1, 2, 8}) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 8);
        tbb::task_arena arena(threads);
        smoothed parallel;
        arena.execute([&] {
            parallel.run(awq::modifier<awq::smoothing_only<>, awq::group_size<32>, Backend, awq::tbb_execution>{},
                         tokens);
        });
        INFO(threads << " threads");
        CHECK(parallel == alone);
    }
}

} // namespace

TEST_CASE("search and smoothing have the same bits serially and on 1, 2 and 8 threads")
{
    for (const std::size_t tokens : {300, 50}) {
        same_at_any_thread_count<awq::span_backend>(tokens);
        same_at_any_thread_count<awq::xtensor_backend>(tokens);
    }
}

TEST_CASE("both backends find the same")
{
    smoothed span, packed;
    span.run(awq::modifier<awq::smoothing_only<>, awq::group_size<32>>{}, 300);
    packed.run(awq::modifier<awq::smoothing_only<>, awq::group_size<32>, awq::xtensor_backend>{}, 300);
    CHECK(span.scales == packed.scales);
    for (std::size_t i = 0; i < span.errors.size(); ++i)
        CHECK(span.errors[i] == Approx(packed.errors[i]).epsilon(1e-4));
}
