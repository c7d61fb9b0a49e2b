// SPDX-License-Identifier: MIT
#include <awq/device/shared_candidates.hpp>

#include "catch.hpp"
#include "device/machines.hpp"
#include "execution/thread_machines.hpp"
#include "small_problem.hpp"

#include <awq/quantization/integer_quantizer.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>
#include <vector>

namespace {

/// Layers of so many rows that read the same value.
struct layers_of_rows {
    small::matrix x, gram;
    std::vector<small::matrix> weights;
    std::vector<float> means;
    awq::any_quantizer rounding = awq::integer_quantizer{awq::scheme{4, false}, 32};
    std::vector<awq::search_layer<awq::any_quantizer>> layers;
    awq::search_options options;

    layers_of_rows(std::size_t width, const std::vector<std::size_t>& rows)
        : x(small::random(48, width, 1)), gram(width, width), means(width)
    {
        for (std::size_t t = 0; t < x.rows; ++t)
            for (std::size_t c = 0; c < width; ++c) {
                x(t, c) *= 1.0f + static_cast<float>(c % 7);
                means[c] += std::fabs(x(t, c)) / static_cast<float>(x.rows);
            }
        test::plain_machine().add_upper_gram(x.view(), gram.view());
        test::plain_machine().mirror_upper(gram.view());
        for (const std::size_t each : rows) weights.push_back(small::random(each, width, 2 + each));
        for (const small::matrix& each : weights) layers.push_back({each.view(), &rounding, {}});
    }

    awq::search_problem<awq::any_quantizer> whole() const { return {layers, means}; }
};

bool are_same(const awq::found_scales& a, const awq::found_scales& b)
{
    return a.scales == b.scales && a.initial_error == b.initial_error && a.best_error == b.best_error &&
           a.ratio == b.ratio && a.skipped_candidates == b.skipped_candidates;
}

/// What decides.
enum class judge { gram, gram_among_few, exact_among_few };

/// What the machines found, and how many candidates each judged by the exact loss.
struct search_by_all {
    std::vector<awq::found_scales> found;
    std::vector<std::size_t> judged;

    search_by_all(std::size_t count, awq::device& machine, const layers_of_rows& set, awq::gram_view gram, judge by)
        : found(count), judged(count)
    {
        const auto problem = set.whole();
        test::on_machines(count, [&](awq::machines& all) {
            awq::mapping_search what{
                .problem = problem, .options = set.options, .gram = gram, .tokens = set.x.rows, .all = all};
            const auto exact = [&](std::span<const awq::matrix_view<const float>> candidates) {
                ++judged[all.rank()];
                double sum = 0;
                for (std::size_t i = 0; i < candidates.size(); ++i)
                    sum += machine.gram_error(set.weights[i].view(), candidates[i], set.gram.view(),
                                              awq::row_sample{candidates[i].rows()});
                return sum;
            };
            what.is_screened = by != judge::gram;
            if (by == judge::exact_among_few) what.exact = exact;
            if (auto done = machine.search(what)) found[all.rank()] = std::move(*done);
        });
    }
};

void check_on(awq::device& machine, const layers_of_rows& set, awq::gram_view gram, judge by)
{
    const search_by_all one{1, machine, set, gram, by};
    REQUIRE(one.found[0].best_error < one.found[0].initial_error);
    for (const std::size_t count : {2u, 3u, 7u, 24u}) {
        INFO(count << " machines, " << set.weights[0].rows << " rows, judge " << static_cast<int>(by));
        const search_by_all several{count, machine, set, gram, by};
        CHECK(std::ranges::all_of(several.found, [&](const auto& each) { return are_same(each, one.found[0]); }));
    }
}

} // namespace

TEST_CASE("machines that search together find what one finds, to the last bit, in layers of few and of many rows")
{
    for (const std::vector<std::size_t>& rows : std::vector<std::vector<std::size_t>>{{3}, {5, 12}, {700, 500, 40}}) {
        const layers_of_rows set{rows.size() == 3 ? 64u : 352u, rows}; // 352: sums are cut
        for (awq::device* const machine : {&test::plain_machine(), &test::serial_machine(), &test::fast_machine()})
            for (const judge by : {judge::gram, judge::gram_among_few, judge::exact_among_few}) {
                check_on(*machine, set, set.gram.view(), by);
                check_on(*machine, set, awq::gram_view::of_inputs(set.x.view()), by);
            }
    }
}

TEST_CASE("each machine judges its share of the finalists")
{
    const layers_of_rows set{64, {16}};
    const auto judged = [&](std::size_t count) {
        return search_by_all{count, test::serial_machine(), set, set.gram.view(), judge::exact_among_few}.judged;
    };
    CHECK(judged(1) == std::vector<std::size_t>{5});
    CHECK(judged(2) == std::vector<std::size_t>{2, 3});
    CHECK(judged(4) == std::vector<std::size_t>{1, 1, 1, 2});
}

TEST_CASE("a machine that fails ends the search of the others with its reason")
{
    const layers_of_rows set{64, {16}};
    const auto problem = set.whole();
    std::atomic<std::size_t> told = 0;
    test::on_machines(3, [&](awq::machines& all) {
        if (all.rank() == 1) return all.fail(awq::error{awq::error_code::out_of_memory, "no memory"});
        const awq::mapping_search what{
            .problem = problem, .options = set.options, .gram = set.gram.view(), .tokens = set.x.rows, .all = all};
        const auto found = test::serial_machine().search(what);
        if (!found && found.error().text() == "no memory") ++told;
    });
    CHECK(told == 2);
}
