// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/calibration/activation_stats.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>

#include <cmath>
#include <vector>

namespace {

constexpr awq::serial_execution serial;
using product = awq::plain_product;

struct gathered {
    std::vector<float> memory;
    awq::activation_stats stats;

    explicit gathered(std::size_t columns, bool with_gram = true)
        : memory(awq::activation_stats::size(columns, with_gram))
    {
        awq::workspace space{memory};
        auto made = awq::activation_stats::make(space, columns, with_gram);
        REQUIRE(made);
        stats = *made;
    }
};

} // namespace

TEST_CASE("means of magnitudes and of squares, and the Gram matrix")
{
    const small::matrix x = small::random(100, 70, 1);
    gathered all(70);
    REQUIRE(all.stats.observe<product>(serial, x.view()));
    std::vector<float> mean(70), square(70);
    REQUIRE(all.stats.mean_abs(mean));
    REQUIRE(all.stats.mean_square(square));
    for (std::size_t c = 0; c < 70; ++c) {
        double sum = 0.0, squares = 0.0, cross = 0.0;
        for (std::size_t t = 0; t < 100; ++t) {
            sum += std::fabs(double{x(t, c)});
            squares += double{x(t, c)} * double{x(t, c)};
            cross += double{x(t, c)} * double{x(t, 69)};
        }
        CHECK(mean[c] == Approx(sum / 100));
        CHECK(square[c] == Approx(squares / 100));
        CHECK(all.stats.gram(c, 69) == Approx(cross).margin(1e-4));
        CHECK(all.stats.gram(c, 69) == all.stats.gram(69, c));
    }
}

TEST_CASE("batches add up, and statistics merge")
{
    const small::matrix x = small::random(64, 20, 2);
    gathered all(20), batches(20), other(20);
    REQUIRE(all.stats.observe<product>(serial, x.view()));
    REQUIRE(batches.stats.observe<product>(serial, x.view().rows_from(0, 16)));
    REQUIRE(batches.stats.observe<product>(serial, x.view().rows_from(16, 16)));
    REQUIRE(other.stats.observe<product>(serial, x.view().rows_from(32, 32)));
    REQUIRE(batches.stats.merge(other.stats));
    CHECK(batches.stats.tokens == 64);
    for (std::size_t c = 0; c < 20; ++c) {
        CHECK(batches.stats.abs_sum[c] == Approx(all.stats.abs_sum[c]));
        CHECK(batches.stats.gram(c, 3) == Approx(all.stats.gram(c, 3)).margin(1e-4));
    }
    gathered narrow(8);
    CHECK_FALSE(batches.stats.merge(narrow.stats));
}

TEST_CASE("masked tokens leave no trace")
{
    const small::matrix x = small::random(6, 10, 3);
    const std::vector<unsigned char> keep{0, 1, 1, 0, 0, 1};
    gathered masked(10), picked(10);
    REQUIRE(masked.stats.observe<product>(serial, x.view(), awq::loss_mask{keep}));
    REQUIRE(picked.stats.observe<product>(serial, x.view().rows_from(1, 2)));
    REQUIRE(picked.stats.observe<product>(serial, x.view().rows_from(5, 1)));
    CHECK(masked.stats.tokens == 3);
    CHECK(masked.memory == picked.memory);
}

TEST_CASE("parts that are not wanted cost nothing, and a bad shape is refused")
{
    const small::matrix x = small::random(6, 10, 3);
    gathered plain(10, false);
    REQUIRE(plain.stats.observe<product>(serial, x.view()));
    CHECK(plain.stats.gram.empty());
    gathered other(12);
    const auto refused = other.stats.observe<product>(serial, x.view());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == awq::error_code::shape_mismatch);
    std::vector<float> mean(12);
    const auto empty = other.stats.mean_abs(mean);
    REQUIRE_FALSE(empty);
    CHECK(empty.error().code() == awq::error_code::not_calibrated);
    std::vector<float> small_memory(10);
    awq::workspace space{small_memory};
    CHECK_FALSE(awq::activation_stats::make(space, 12, true));
}
