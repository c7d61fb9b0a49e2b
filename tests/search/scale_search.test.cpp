// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/calibration/activation_stats.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/fp4_quantizer.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/search/gram_loss.hpp>
#include <awq/search/output_loss.hpp>
#include <awq/search/parent_forward.hpp>
#include <awq/search/scale_search.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using awq::duo;
using awq::integer_quantizer;
using layer = awq::search_layer<integer_quantizer>;
using problem = awq::search_problem<integer_quantizer>;
using views = std::span<const awq::matrix_view<const float>>;

constexpr awq::serial_execution serial;

// The golden layer: int4 in groups of 8, its own output as the loss.
struct golden {
    small::matrix weight = small::golden_weight(), inputs = small::golden_inputs();
    small::matrix gram{16, 16};
    std::vector<float> x_mean = std::vector<float>(16), memory, loss_memory = std::vector<float>(1024);
    awq::matrix_view<const float> view = weight.view();
    integer_quantizer how;
    layer only;

    explicit golden(bool symmetric)
    {
        how = {{4, symmetric}, 8};
        only = {view, &how, {}};
        std::vector<double> abs_sum(16), square_sum(16);
        awq::activation_stats stats{abs_sum, square_sum, gram.view()};
        REQUIRE(stats.observe<awq::plain_product>(serial, inputs.view()));
        REQUIRE(stats.mean_abs(x_mean));
    }

    problem whole() const { return {{&only, 1}, x_mean}; }

    template <class Loss>
    awq::search_outcome search(duo kind, Loss&& loss)
    {
        awq::search_options options;
        options.duo_scaling = kind;
        memory.resize(awq::search_workspace_size(whole(), options));
        const auto found = awq::scale_search(serial, whole(), options, loss, memory);
        REQUIRE(found);
        return *found;
    }

    auto gram_loss()
    {
        return awq::gram_loss<awq::plain_product, awq::serial_execution>(serial, {&view, 1}, gram.view(), inputs.rows,
                                                                         loss_memory);
    }
    auto output_loss()
    {
        return awq::linear_output_loss<awq::plain_product, awq::serial_execution>(serial, {&view, 1}, inputs.view(),
                                                                                  loss_memory);
    }
};

struct table {
    bool symmetric;
    duo kind;
    double best_ratio;
    bool best_duo;
    std::vector<double> losses;
};

const std::vector<table> tables{
    {false, duo::on, 4.0 / 18.0, true, {.399892, .320989, .23849,  .178902, .21998,  .111704, .168587,
                                        .169136, .215147, .226102, .13105,  .181191, .236866, .269008,
                                        .237187, .16473,  .115028, .12124,  .25993,  .324671}},
    {false, duo::off, 3.0 / 19.0, false, {.399892, .131889, .303222,  .0950398, .158376, .126492, .243724,
                                          .172414, .187582, .355013,  .203681,  .158643, .321517, .168893,
                                          .247003, .138877, .0955622, .24083,   .270356, .324671}},
    {false, duo::both, 2.0 / 9.0, true, {.399892, .320989, .322456, .178902, .115991, .111704, .227322,
                                         .169136, .185407, .226102, .127619, .181191, .206973, .269008,
                                         .131921, .16473,  .124845, .12124,  .324671, .324671}},
    {true, duo::on, 2.0 / 18.0, true, {.495409, .496655, .399196, .256865, .453513, .412091, .334467,
                                       .39976,  .296774, .41174,  .361536, .808813, .554983, .31027,
                                       .399239, .537488, .49701,  .724457, .982154, .645726}},
    {true, duo::off, 4.0 / 19.0, false, {.495409, .552003, .318928, .385249, .244434, .39392,  .557301,
                                         .426262, .42626,  .428669, .386843, .404227, .365611, .364353,
                                         .50014,  .585949, .367102, .532189, .984607, .645726}},
};

} // namespace

TEST_CASE("all five golden loss tables, from the Gram matrix, the outputs and a replayed parent")
{
    for (const table& expected : tables) {
        golden set(expected.symmetric);
        const auto check = [&](const awq::search_outcome& found) {
            REQUIRE(found.candidate_errors.size() == expected.losses.size());
            for (std::size_t i = 0; i < expected.losses.size(); ++i) {
                INFO("candidate " << i);
                CHECK(found.candidate_errors[i] == Approx(expected.losses[i]).epsilon(1e-5));
            }
            CHECK(found.best_ratio == Approx(expected.best_ratio));
            CHECK(found.duo_scaling == expected.best_duo);
            CHECK(found.initial_error == found.candidate_errors[0]);
            CHECK(found.skipped_candidates == 0);
        };
        check(set.search(expected.kind, set.gram_loss()));
        check(set.search(expected.kind, set.output_loss()));
        auto forward = [&](views weights, awq::matrix_view<float> out) {
            awq::plain_product::multiply_nt(serial, std::as_const(set.inputs).view(), weights[0], out);
        };
        awq::parent replayed{forward, set.inputs.rows, set.weight.rows};
        awq::parent_output_loss loss(serial, replayed, {&set.view, 1}, set.loss_memory);
        check(set.search(expected.kind, loss));
    }
}

TEST_CASE("the golden statistics and best scales")
{
    golden set(false);
    const std::vector<double> x_mean{8.833333,  0.8125,    1.125,     0.8125, 1.125,  6.5,   1.0833334, 0.9166667,
                                     0.9583333, 1.0416666, 6.6666665, 1.125,  0.8125, 1.125, 0.8125,    9.0};
    for (std::size_t i = 0; i < 16; ++i) CHECK(set.x_mean[i] == Approx(x_mean[i]));

    const std::vector<double> with_duo{1.2337808, .7671431, .824675,  .7260204, .8882952,  1.2372952,
                                       .8275799,  .8487751, .7463135, .8371828, 1.2467822, .7980896,
                                       .8620157,  .8328853, .7873694, 1.3773717};
    const auto on = set.search(duo::on, set.gram_loss());
    CHECK(on.best_error == Approx(.11170432).epsilon(1e-6));
    for (std::size_t i = 0; i < 16; ++i) CHECK(on.best_scales[i] == Approx(with_duo[i]).epsilon(1e-6));

    const std::vector<double> without{1.2055143, .8270769, .8706849, .8270769, .8706849,  1.1485212,
                                      .8655119,  .8429808, .8489182, .8601686, 1.1531217, .8706849,
                                      .8270769,  .8706849, .8270769, 1.2090775};
    const auto off = set.search(duo::off, set.gram_loss());
    for (std::size_t i = 0; i < 16; ++i) CHECK(off.best_scales[i] == Approx(without[i]).epsilon(1e-6));
}

TEST_CASE("identity wins where nothing is better, and a tie keeps the earlier candidate")
{
    golden set(false);
    const auto flat = set.search(duo::on, [](views) { return 1.0; });
    CHECK(flat.best_ratio == 0.0);
    CHECK_FALSE(flat.duo_scaling);
    CHECK(flat.best_error == flat.initial_error);
    for (const double scale : flat.best_scales) CHECK(scale == 1.0);
    int calls = 0;
    const auto worse = set.search(duo::on, [&](views) { return static_cast<double>(++calls); });
    CHECK(calls == 20);
    CHECK(worse.best_error == 1.0);
}

TEST_CASE("candidates without a finite loss are skipped and counted")
{
    golden set(false);
    int call = 0;
    const auto found = set.search(duo::on, [&](views) {
        ++call;
        if (call % 3 == 0) return std::numeric_limits<double>::quiet_NaN();
        if (call == 4) return -std::numeric_limits<double>::infinity();
        return call == 5 ? 0.5 : 1.0;
    });
    CHECK(found.skipped_candidates == 7);
    CHECK(found.best_error == 0.5);
    CHECK(found.best_ratio == Approx(3.0 / 18.0));
}

TEST_CASE("candidates whose scales cannot be stored are skipped and counted, identity never")
{
    golden set(false);
    awq::search_options options;
    problem limited = set.whole();
    const auto search = [&](double smallest, double largest) {
        const std::vector<double> low(16, smallest), high(16, largest);
        limited.smallest_scales = low;
        limited.largest_scales = high;
        set.memory.resize(awq::search_workspace_size(limited, options));
        double loss = 20.0; // each candidate that is tried is better than those before it
        const auto found = awq::scale_search(
            serial, limited, options, [&](views) { return loss -= 1.0; }, set.memory);
        REQUIRE(found);
        return *found;
    };
    const auto free = search(0.0, std::numeric_limits<double>::infinity());
    CHECK(free.skipped_candidates == 0);
    const auto kept = search(2.0, 3.0); // not even 1 is within
    CHECK(kept.skipped_candidates == 19);
    CHECK(kept.best_error == kept.initial_error);
    for (const double scale : kept.best_scales) CHECK(scale == 1.0);
    const auto some = search(0.5, 2.0);
    CHECK(some.skipped_candidates > 0);
    CHECK(some.skipped_candidates < 19);
    for (const double scale : some.best_scales) CHECK((scale >= 0.5 && scale <= 2.0));
}

TEST_CASE("weights that overflow their type make no candidate")
{
    golden set(true);
    for (float& value : set.weight.values) value *= 65536.0f; // up to 57344
    awq::search_options options;
    options.storage = awq::dtype::f16;
    set.how.storage = awq::dtype::f16;
    set.memory.resize(awq::search_workspace_size(set.whole(), options));
    awq::gram_loss<awq::plain_product, awq::serial_execution> loss{
        serial, {&set.view, 1}, set.gram.view(), 6, set.loss_memory};
    const auto found = awq::scale_search(serial, set.whole(), options, loss, set.memory);
    REQUIRE(found);
    CHECK(found->skipped_candidates > 0);
    CHECK(found->best_error <= found->initial_error);
    CHECK(std::isfinite(found->initial_error));
}

TEST_CASE("limits need one entry for each scale")
{
    golden set(false);
    problem limited = set.whole();
    const std::vector<double> few(15, 1.0), all(16, 1.0);
    limited.smallest_scales = few;
    limited.largest_scales = all;
    std::vector<float> memory(awq::search_workspace_size(limited, awq::search_options{}));
    const auto found = awq::scale_search(
        serial, limited, awq::search_options{}, [](views) { return 1.0; }, memory);
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == awq::error_code::shape_mismatch);
}

TEST_CASE("no finite loss at all is an error, and so is a bad call")
{
    golden set(false);
    awq::search_options options;
    std::vector<float> memory(awq::search_workspace_size(set.whole(), options));
    const auto code = [&](const problem& what, const awq::search_options& how, std::span<float> space) {
        const auto found = awq::scale_search(
            serial, what, how, [](views) { return std::nan(""); }, space);
        REQUIRE_FALSE(found);
        return found.error().code();
    };
    using awq::error_code;
    CHECK(code(set.whole(), options, memory) == error_code::no_candidate);
    CHECK(code(set.whole(), options, std::span(memory).first(100)) == error_code::workspace_too_small);
    CHECK(code(set.whole(), options, {}) == error_code::workspace_too_small);
    awq::search_options tiny;
    tiny.n_grid = 1;
    CHECK(code(set.whole(), tiny, memory) == error_code::invalid_argument);
    CHECK(code({{}, set.x_mean}, options, memory) == error_code::invalid_argument);
    CHECK(code({{&set.only, 1}, std::span(set.x_mean).first(8)}, options, memory) == error_code::shape_mismatch);
    set.x_mean[3] = std::numeric_limits<float>::infinity();
    CHECK(code(set.whole(), options, memory) == error_code::not_finite);
    set.x_mean[3] = 1.0f;
    set.how.group_size = 5;
    CHECK(code(set.whole(), options, memory) == error_code::shape_mismatch);
}

TEST_CASE("a layer that is not quantized keeps its weight during the search")
{
    golden set(false);
    const small::matrix router = small::random(3, 16, 9);
    const layer layers[2] = {set.only, {router.view(), nullptr, {}}};
    const problem both{layers, set.x_mean};
    const awq::search_options options;
    std::vector<float> memory(awq::search_workspace_size(both, options));
    bool original = true;
    auto own = set.gram_loss();
    const auto found = awq::scale_search(
        serial, both, options,
        [&](views weights) {
            original = original && weights[1].data() == router.values.data();
            return own(weights.first(1));
        },
        memory);
    REQUIRE(found);
    CHECK(original);
    CHECK(found->best_error == Approx(.11170432).epsilon(1e-6)); // w_mean leaves it out as well
}

TEST_CASE("columns that share a scale get one scale")
{
    golden set(false);
    std::vector<std::uint32_t> shared(16);
    for (std::uint32_t c = 0; c < 16; ++c) shared[c] = c % 8; // two query heads of one kv head
    const problem grouped{{&set.only, 1}, set.x_mean, shared, 8};
    const awq::search_options options;
    std::vector<float> memory(awq::search_workspace_size(grouped, options));
    auto loss = set.gram_loss();
    const auto found = awq::scale_search(serial, grouped, options, loss, memory);
    REQUIRE(found);
    CHECK(found->best_scales.size() == 8);
    CHECK(found->initial_error == Approx(.399892).epsilon(1e-5));
    CHECK(found->best_error <= found->initial_error);
    shared[0] = 8;
    CHECK_FALSE(awq::scale_search(serial, grouped, options, loss, memory));
}

TEST_CASE("a bf16 model's candidates are bf16 numbers")
{
    golden set(false);
    set.how.storage = awq::dtype::bf16;
    awq::search_options options;
    options.storage = awq::dtype::bf16;
    std::vector<float> memory(awq::search_workspace_size(set.whole(), options));
    bool rounded = true;
    const auto found = awq::scale_search(
        serial, set.whole(), options,
        [&](views weights) {
            for (const float value : weights[0].row(0))
                rounded = rounded && value == static_cast<float>(awq::bf16{value});
            return set.gram_loss()(weights);
        },
        memory);
    REQUIRE(found);
    CHECK(rounded);
    CHECK(found->initial_error == Approx(.4).epsilon(0.02));
}

namespace {
// Notes the importance that it is given; rounds nothing.
struct watching_quantizer {
    std::vector<float>* seen;
    awq::status check(std::size_t) const { return {}; }
    std::size_t row_block() const { return 1; }
    std::size_t scale_columns(std::size_t columns) const { return columns; }
    void pseudo_quantize(awq::matrix_view<const float>, std::span<const float> importance,
                         awq::matrix_view<float>) const
    {
        seen->assign(importance.begin(), importance.end());
    }
};
static_assert(awq::quantizer<watching_quantizer>);
} // namespace

TEST_CASE("a format with one scale for all rows sees the largest of the scaled weight")
{
    const awq::fp4_quantizer how{awq::fp4_kind::nvfp4};
    small::matrix weight = small::random(40, 32, 5), wanted(40, 32);
    weight(17, 1) = 9.0f;
    how.pseudo_quantize(weight.view(), {}, wanted.view());
    std::vector<float> x_mean(32, 1.0f);
    x_mean[1] = 4.0f;
    const awq::matrix_view<const float> view = weight.view();
    const awq::search_layer<awq::fp4_quantizer> only{view, &how, {}};
    const awq::search_problem<awq::fp4_quantizer> whole{{&only, 1}, x_mean};
    std::vector<float> memory(awq::search_workspace_size(whole, {}));
    std::vector<std::vector<float>> seen;
    const auto keep = [&](views candidate) {
        seen.emplace_back(candidate[0].data(), candidate[0].data() + candidate[0].size());
        return 1.0;
    };
    awq::search_options options;
    options.duo_scaling = duo::off;
    REQUIRE(awq::scale_search(serial, whole, options, keep, memory));
    CHECK(seen.front() == wanted.values); // identity
    // The last ratio's scales are 4 and 1, over the root of their product: 2 and 0.5.
    small::matrix scaled = weight;
    for (std::size_t r = 0; r < 40; ++r)
        for (std::size_t c = 0; c < 32; ++c) scaled(r, c) *= c == 1 ? 2.0f : 0.5f;
    how.pseudo_quantize(scaled.view(), {}, scaled.view());
    for (std::size_t r = 0; r < 40; ++r)
        for (std::size_t c = 0; c < 32; ++c) scaled(r, c) /= c == 1 ? 2.0f : 0.5f;
    CHECK(std::find(seen.begin(), seen.end(), scaled.values) != seen.end());
}

TEST_CASE("importance is divided by the squared scales")
{
    golden set(false);
    std::vector<float> seen;
    const watching_quantizer how{&seen};
    const std::vector<float> importance(16, 3.0f);
    const awq::search_layer<watching_quantizer> only{set.view, &how, importance};
    const awq::search_problem<watching_quantizer> whole{{&only, 1}, set.x_mean};
    awq::search_options options;
    options.duo_scaling = duo::off;
    std::vector<float> memory(awq::search_workspace_size(whole, options));
    int call = 0;
    std::vector<float> last;
    const auto found = awq::scale_search(
        serial, whole, options,
        [&](views) {
            last = seen;
            return static_cast<double>(20 - ++call); // the last candidate wins
        },
        memory);
    REQUIRE(found);
    for (std::size_t i = 0; i < 16; ++i)
        CHECK(last[i] == Approx(3.0 / (found->best_scales[i] * found->best_scales[i])));
}

TEST_CASE("of a loss that looks at some rows, only these are made, and they decide as they would alone")
{
    const small::matrix w = small::random(64, 16, 4), x = small::random(40, 16, 3);
    small::matrix gram(16, 16), part(8, 16);
    awq::plain_product::add_gram(serial, x.view(), gram.view());
    const awq::row_sample sample{64, 8};
    for (std::size_t r = 0; r < 8; ++r)
        for (std::size_t c = 0; c < 16; ++c) part(r, c) = w(sample.row(r), c);
    const awq::integer_quantizer rounding{{4, false}, 8};
    std::vector<float> x_mean(16, 1.0f), counted(4096), products(64);
    for (std::size_t c = 0; c < 16; ++c) x_mean[c] += static_cast<float>(c);
    std::size_t made = 0;
    const auto search = [&](awq::matrix_view<const float> weight, std::size_t most) {
        const awq::search_layer<awq::integer_quantizer> layer{weight, &rounding, {}};
        awq::search_options options;
        options.duo_scaling = awq::duo::off; // the weights' magnitude is that of all rows
        const awq::gram_loss<awq::plain_product, awq::serial_execution> loss{serial, {&layer.weight, 1}, gram.view(),
                                                                             40,     products,           most};
        std::fill(counted.begin(), counted.end(), 1e9f);
        const auto found = awq::scale_search(serial, awq::search_problem<awq::integer_quantizer>{{&layer, 1}, x_mean},
                                             options, loss, counted);
        made = counted.size() - static_cast<std::size_t>(std::count(counted.begin(), counted.end(), 1e9f));
        return std::pair{found.value().best_ratio, found.value().best_error};
    };
    const auto sampled = search(w.view(), 8);
    CHECK(made < 600); // 8 of 64 rows, and what does not depend on rows
    const auto alone = search(part.view(), awq::all_rows);
    CHECK(sampled.first == alone.first);
    CHECK(sampled.second == Approx(alone.second));
    CHECK(search(w.view(), awq::all_rows).second != Approx(alone.second).epsilon(1e-9));
    CHECK(made > 64 * 16);
}
