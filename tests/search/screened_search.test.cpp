// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/search/scale_search.hpp>

#include <limits>
#include <vector>

namespace {

using views = std::span<const awq::matrix_view<const float>>;
constexpr awq::serial_execution serial;

// Runs a screened search whose losses are looked up by the candidate's place in the grid.
struct scripted {
    small::matrix weight = small::golden_weight();
    awq::integer_quantizer how{{4, false}, 8};
    std::vector<float> x_mean = std::vector<float>(16, 1.0f);
    std::vector<double> cheap, exact;
    std::vector<std::size_t> judged; // places that the exact loss saw
    std::vector<float> memory;

    awq::result<awq::search_outcome> run(std::size_t finalists)
    {
        for (std::size_t i = 0; i < 16; ++i) x_mean[i] = 1.0f + static_cast<float>(i);
        const awq::search_layer<awq::integer_quantizer> only{weight.view(), &how, {}};
        const awq::search_problem<awq::integer_quantizer> whole{{&only, 1}, x_mean};
        awq::search_options options;
        options.finalists = finalists;
        memory.resize(awq::search_workspace_size(whole, options));
        std::vector<std::vector<float>> seen;
        std::size_t next = 0;
        judged.clear();
        return awq::screened_search(
            serial, whole, options,
            [&](views weights) {
                seen.push_back({weights[0].data(), weights[0].data() + weights[0].size()});
                return cheap[next++];
            },
            [&](views weights) {
                const std::vector<float> now(weights[0].data(), weights[0].data() + weights[0].size());
                for (std::size_t i = 0; i < seen.size(); ++i)
                    if (seen[i] == now && (judged.empty() || i > judged.back())) {
                        judged.push_back(i);
                        return exact[i];
                    }
                FAIL("the exact loss saw a candidate that the cheap one did not");
                return 0.0;
            },
            memory);
    }
};

} // namespace

TEST_CASE("the exact loss sees identity and the best few of the cheap loss, in grid order")
{
    scripted set;
    set.cheap.assign(20, 9.0);
    set.exact.assign(20, 5.0);
    set.cheap[7] = 1.0;
    set.cheap[12] = 2.0;
    set.cheap[3] = 3.0;
    set.exact[12] = 0.5;
    set.exact[1] = 0.1; // never judged
    const auto found = set.run(3);
    REQUIRE(found);
    CHECK(set.judged == std::vector<std::size_t>{0, 3, 7, 12});
    CHECK(found->best_error == 0.5);
    CHECK(found->initial_error == 5.0);
    CHECK(found->best_ratio == Approx(11.0 / 18.0));
}

TEST_CASE("identity stays where the exact loss likes no finalist")
{
    scripted set;
    set.cheap.assign(20, 9.0);
    set.cheap[7] = 1.0;
    set.exact.assign(20, 5.0);
    set.exact[0] = 4.0;
    const auto found = set.run(2);
    REQUIRE(found);
    CHECK(found->best_ratio == 0.0);
    CHECK(found->best_error == found->initial_error);
}

TEST_CASE("finalists that turn out not finite are skipped and counted")
{
    const double nan = std::numeric_limits<double>::quiet_NaN();
    scripted set;
    set.cheap.assign(20, 9.0);
    set.cheap[7] = 1.0;
    set.cheap[8] = nan;
    set.exact.assign(20, 5.0);
    set.exact[7] = nan;
    const auto found = set.run(1);
    REQUIRE(found);
    CHECK(found->skipped_candidates == 2);
    CHECK(found->best_error == 5.0);
    set.exact[0] = nan;
    CHECK_FALSE(set.run(1));
}

TEST_CASE("as many finalists as candidates is the plain search")
{
    scripted set;
    set.cheap.assign(20, 9.0);
    set.exact.assign(20, 5.0);
    set.exact[17] = 0.25;
    const auto found = set.run(20);
    REQUIRE(found);
    CHECK(set.judged.size() == 20);
    CHECK(found->best_error == 0.25);
}
