// SPDX-License-Identifier: MIT
#include <awq/execution/precision.hpp>
#include <awq/execution/products/packed.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/execution/tbb_execution.hpp>
#include <awq/support/float16.hpp>

#include "catch.hpp"
#include "product_checks.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <cmath>
#include <limits>

namespace {

constexpr awq::tbb_execution mixed{.operands = awq::precision::mixed};

bool is_skipped()
{
    if (awq::detail::has_amx()) return false;
    WARN("skipped: this processor has no tiles of bfloat16 (AMX)");
    return true;
}

/// Packed products whose operands were rounded to bfloat16 before: what mixed ones should give.
struct rounded_product {
    static std::vector<float> rounded(awq::matrix_view<const float> a)
    {
        std::vector<float> made;
        for (std::size_t r = 0; r < a.rows(); ++r)
            for (const float each : a.row(r)) made.push_back(static_cast<float>(awq::bf16{each}));
        return made;
    }
    template <class Multiply>
    static void multiply(awq::matrix_view<const float> a, awq::matrix_view<const float> b, const Multiply& with)
    {
        const std::vector<float> left = rounded(a), right = rounded(b);
        with(awq::matrix_view<const float>{left.data(), a.rows(), a.cols()},
             awq::matrix_view<const float>{right.data(), b.rows(), b.cols()});
    }
    template <awq::execution E>
    static void multiply_nt(const E& e, awq::matrix_view<const float> a, awq::matrix_view<const float> b,
                            awq::matrix_view<float> c)
    {
        multiply(a, b, [&](auto x, auto y) { awq::packed_product::multiply_nt(e, x, y, c); });
    }
    template <awq::execution E>
    static void multiply_nn(const E& e, awq::matrix_view<const float> a, awq::matrix_view<const float> b,
                            awq::matrix_view<float> c)
    {
        multiply(a, b, [&](auto x, auto y) { awq::packed_product::multiply_nn(e, x, y, c); });
    }
    template <awq::execution E>
    static void add_gram(const E& e, awq::matrix_view<const float> x, awq::matrix_view<float> g)
    {
        multiply(x, x, [&](auto rounded, auto) { awq::packed_product::add_gram(e, rounded, g); });
    }
    template <awq::execution E>
    static void add_cross_gram(const E& e, awq::matrix_view<const float> x, awq::matrix_view<const float> y,
                               awq::matrix_view<float> g)
    {
        multiply(x, y, [&](auto left, auto right) { awq::packed_product::add_cross_gram(e, left, right, g); });
    }
};

/// Sums of `depth` products between -1 and 1, in two orders.
void check_close(const std::vector<float>& found, const std::vector<float>& wanted, std::size_t depth)
{
    REQUIRE(found.size() == wanted.size());
    const float bound = 4e-7f * static_cast<float>(depth);
    for (std::size_t i = 0; i < found.size(); ++i)
        if (!(std::fabs(found[i] - wanted[i]) <= bound))
            FAIL("at " << i << ": " << found[i] << " is not " << wanted[i]);
}

} // namespace

TEST_CASE("mixed products are those of operands rounded to bfloat16, at all edges of tiles")
{
    if (is_skipped()) return;
    for (const auto& [m, n, k] : {product_shape{32, 32, 32}, product_shape{33, 31, 65}, product_shape{48, 17, 1},
                                  product_shape{64, 1, 33}, product_shape{100, 333, 1100}, product_shape{3100, 37, 33},
                                  product_shape{140, 3100, 40}, product_shape{1200, 50, 47}}) {
        CAPTURE(m, n, k);
        const product_results found = all_products<awq::packed_product>(mixed, m, n, k);
        const product_results wanted = all_products<rounded_product>(awq::tbb_execution{}, m, n, k);
        check_close(found.nt, wanted.nt, k);
        check_close(found.nn, wanted.nn, k);
        check_close(found.gram, wanted.gram, m);
        check_close(found.cross, wanted.cross, m);
    }
}

TEST_CASE("mixed products have the same bits at 1, 2 and 8 threads, and differ from float32")
{
    if (is_skipped()) return;
    const tbb::global_control allow{tbb::global_control::max_allowed_parallelism, 8};
    const product_results whole = all_products<awq::packed_product>(mixed, 333, 411, 777);
    for (const int threads : {1, 2, 8}) {
        tbb::task_arena arena{threads};
        CHECK(arena.execute([] { return all_products<awq::packed_product>(mixed, 333, 411, 777); }) == whole);
    }
    const awq::tbb_execution exact = awq::with_precision(mixed, awq::precision::float32);
    const product_results in_float32 = all_products<awq::packed_product>(exact, 333, 411, 777);
    CHECK(in_float32 == all_products<awq::packed_product>(awq::tbb_execution{}, 333, 411, 777));
    CHECK(in_float32.nt != whole.nt);
}

TEST_CASE("split products keep 16 bits, at all edges of tiles and at any number of threads")
{
    if (is_skipped()) return;
    constexpr awq::tbb_execution split{.operands = awq::precision::split};
    const auto check = [](const std::vector<float>& found, const std::vector<float>& wanted, std::size_t depth) {
        REQUIRE(found.size() == wanted.size());
        double off = 0, size = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            off += std::pow(double{found[i]} - wanted[i], 2);
            size += std::pow(double{wanted[i]}, 2);
        }
        CHECK(std::sqrt(off / size) < 2e-5 + 1e-7 * std::sqrt(static_cast<double>(depth)));
    };
    for (const auto& [m, n, k] : {product_shape{32, 32, 32}, product_shape{33, 31, 65}, product_shape{64, 1, 33},
                                  product_shape{100, 333, 1100}, product_shape{3100, 37, 33}}) {
        CAPTURE(m, n, k);
        const product_results found = all_products<awq::packed_product>(split, m, n, k);
        const product_results wanted = all_products<awq::packed_product>(awq::tbb_execution{}, m, n, k);
        check(found.nt, wanted.nt, k);
        check(found.nn, wanted.nn, k);
        check(found.gram, wanted.gram, m);
        check(found.cross, wanted.cross, m);
        tbb::task_arena alone{1};
        const auto shape = product_shape{m, n, k};
        CHECK(alone.execute([&] { return all_products<awq::packed_product>(split, shape.m, shape.n, shape.k); }) ==
              found);
    }
}

TEST_CASE("a mixed product of what is not finite is not finite")
{
    if (is_skipped()) return;
    const auto a = random_values(64 * 64, 1);
    for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
        auto b = random_values(64 * 64, 2);
        b[70] = bad;
        std::vector<float> c(64 * 64);
        awq::packed_product::multiply_nt(mixed, {a.data(), 64, 64}, {b.data(), 64, 64}, {c.data(), 64, 64});
        CHECK_FALSE(std::isfinite(c[1]));
        CHECK(std::isfinite(c[2]));
    }
}

namespace {

struct without_choice {
    using policy_axis = awq::axis::execution;
    static constexpr std::string_view name = "without choice";

    template <class Task>
    void for_each(std::size_t count, Task&& task) const
    {
        for (std::size_t i = 0; i < count; ++i) task(i);
    }
};

} // namespace

TEST_CASE("a precision has a name, and an execution without a choice keeps its own")
{
    for (const awq::precision each : {awq::precision::float32, awq::precision::mixed})
        CHECK(awq::precision_of(awq::name_of(each)) == each);
    CHECK_FALSE(awq::precision_of("bfloat16"));
    const auto alone = awq::with_precision(without_choice{}, awq::precision::mixed);
    CHECK(awq::operands_of(alone) == awq::precision::float32);
    const auto serial = awq::with_precision(awq::serial_execution{}, awq::precision::mixed);
    CHECK(awq::operands_of(serial) == awq::precision::mixed);
    CHECK(awq::operands_of(awq::for_solving(mixed)) == awq::precision::split);
    CHECK(awq::operands_of(awq::for_solving(awq::tbb_execution{})) == awq::precision::float32);
}
