// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/search/candidate_share.hpp>
#include <awq/search/gram_loss.hpp>
#include <awq/search/output_loss.hpp>
#include <awq/search/scale_search.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

constexpr awq::serial_execution serial;
using layer = awq::search_layer<awq::integer_quantizer>;
using view = awq::matrix_view<const float>;

/// The last of several ranks judges its candidates first.
struct in_turns {
    std::size_t ranks;

    template <class Judge>
    awq::status operator()(std::span<double> losses, const Judge& judge) const
    {
        for (std::size_t rank = ranks; rank-- > 0;)
            judge(rank * losses.size() / ranks, (rank + 1) * losses.size() / ranks);
        return {};
    }
};

/// Another rank has failed.
struct broken {
    template <class Judge>
    awq::status operator()(std::span<double>, const Judge&) const
    {
        return awq::error{awq::error_code::unsupported, "rank 1: no memory"};
    }
};

/// Two layers, and a loss by the Gram matrix that has memory for products of so many rows.
struct problem {
    static constexpr std::size_t width = 40, tokens = 50;
    small::matrix x = small::random(tokens, width, 1), a = small::random(37, width, 2), b = small::random(21, width, 3);
    small::matrix gram{width, width};
    std::vector<float> x_mean = std::vector<float>(width);
    std::vector<double> smallest = std::vector<double>(width), largest = std::vector<double>(width, 1e30);
    awq::integer_quantizer how{{3, false}, 8};
    std::vector<layer> layers{{a.view(), &how, {}}, {b.view(), &how, {}}};
    std::vector<view> weights{a.view(), b.view()};
    std::vector<float> gram_memory, output_memory, memory;
    awq::search_options options;

    explicit problem(std::size_t rows)
        : gram_memory(rows * awq::gram_loss_workspace_size(width)),
          output_memory(awq::linear_output_loss_workspace_size(width, tokens))
    {
        for (std::size_t t = 0; t < tokens; ++t)
            for (std::size_t c = 0; c < width; ++c) {
                x(t, c) *= 1.0f + static_cast<float>(c * c % 17);
                x_mean[c] += std::fabs(x(t, c)) / static_cast<float>(tokens);
            }
        awq::plain_product::add_gram(serial, x.view(), gram.view());
        memory.resize(awq::search_workspace_size(whole(), options));
    }

    awq::search_problem<awq::integer_quantizer> whole() const
    {
        awq::search_problem<awq::integer_quantizer> made{layers, x_mean};
        made.smallest_scales = smallest;
        made.largest_scales = largest;
        return made;
    }
    auto by_gram(std::size_t most_rows = awq::all_rows)
    {
        return awq::gram_loss<awq::plain_product, awq::serial_execution>(serial, weights, gram.view(), tokens,
                                                                         gram_memory, most_rows);
    }
    auto by_outputs()
    {
        return awq::linear_output_loss<awq::plain_product, awq::serial_execution>(serial, weights, x.view(),
                                                                                  output_memory);
    }

    template <class Share>
    awq::result<awq::search_outcome> decided_by_gram(const Share& share)
    {
        return awq::scale_search(serial, whole(), options, by_gram(), memory, awq::dtype::f32, share);
    }
    template <class Share>
    awq::result<awq::search_outcome> screened(const Share& share)
    {
        return awq::screened_search(serial, whole(), options, by_gram(16), by_outputs(), memory, share);
    }
};

/// What was found, to be compared.
struct facts {
    std::vector<double> scales, errors;
    std::vector<std::size_t> counts;

    explicit facts(const awq::search_outcome& found)
        : scales(found.best_scales.begin(), found.best_scales.end()),
          errors(found.candidate_errors.begin(), found.candidate_errors.end()), counts{found.candidates,
                                                                                       found.skipped_candidates}
    {
        errors.insert(errors.end(), {found.initial_error, found.best_error, found.best_ratio});
        for (double& each : errors)
            if (std::isnan(each)) each = -1; // which is no loss
    }
    bool operator==(const facts&) const = default;
};

} // namespace

TEST_CASE("a search split over ranks finds what one finds, to the last bit of every loss")
{
    for (const std::size_t rows : {1u, 5u, 24u, 1024u}) {
        problem one{rows}, several{rows};
        for (const std::size_t ranks : {2u, 3u, 7u, 20u, 33u}) {
            INFO(ranks << " ranks, products of " << rows << " rows");
            const auto alone = one.decided_by_gram(awq::all_candidates{});
            const auto shared = several.decided_by_gram(in_turns{ranks});
            REQUIRE((alone && shared));
            CHECK(facts{*shared} == facts{*alone});
            CHECK(alone->best_error < alone->initial_error);
            const auto screened = one.screened(awq::all_candidates{});
            const auto screened_by_all = several.screened(in_turns{ranks});
            REQUIRE((screened && screened_by_all));
            CHECK(facts{*screened_by_all} == facts{*screened});
        }
    }
}

TEST_CASE("ranks whose candidates are all unusable count them as one does")
{
    problem one{64}, several{64};
    one.largest[5] = several.largest[5] = 0.0; // only identity is left
    for (const std::size_t ranks : {2u, 3u, 7u}) {
        const auto alone = one.screened(awq::all_candidates{});
        const auto shared = several.screened(in_turns{ranks});
        REQUIRE((alone && shared));
        CHECK(shared->skipped_candidates == one.options.n_grid - 1);
        CHECK(facts{*shared} == facts{*alone});
    }
}

TEST_CASE("a search that cannot exchange its losses ends with the reason")
{
    problem set{64};
    for (const auto& found : {set.decided_by_gram(broken{}), set.screened(broken{})}) {
        REQUIRE_FALSE(found);
        CHECK(found.error().text() == "rank 1: no memory");
    }
}
