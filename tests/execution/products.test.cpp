// SPDX-License-Identifier: MIT
#include <awq/execution/products/packed.hpp>
#include <awq/execution/products/plain.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/execution/tbb_execution.hpp>

#include "catch.hpp"
#include "product_checks.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <atomic>

TEST_CASE("the plain product equals a double loop on odd shapes")
{
    check_all_shapes<awq::plain_product>(awq::serial_execution{});
}

TEST_CASE("the packed product equals a double loop on odd shapes")
{
    check_all_shapes<awq::packed_product>(awq::serial_execution{});
    check_all_shapes<awq::packed_product>(awq::tbb_execution{});
}

TEST_CASE("the packed product has the same bits at 1, 2 and 8 threads")
{
    const tbb::global_control allow{tbb::global_control::max_allowed_parallelism, 8};
    for (const auto& [m, n, k] : {product_shape{1, 700, 900}, product_shape{7, 4096, 70}, product_shape{333, 411, 777},
                                  product_shape{40, 3200, 650}}) {
        const product_results serial = all_products<awq::packed_product>(awq::serial_execution{}, m, n, k);
        for (const int threads : {1, 2, 8}) {
            tbb::task_arena arena{threads};
            const product_results parallel = arena.execute(
                [&, m = m, n = n, k = k] { return all_products<awq::packed_product>(awq::tbb_execution{}, m, n, k); });
            CHECK(parallel == serial);
        }
    }
}

TEST_CASE("products nest within tasks that multiply too")
{
    const tbb::global_control allow{tbb::global_control::max_allowed_parallelism, 8};
    const awq::tbb_execution e;
    const product_results expected = all_products<awq::packed_product>(awq::serial_execution{}, 96, 130, 400);
    std::atomic<int> wrong{0};
    tbb::task_arena arena{8};
    arena.execute([&] {
        e.for_each(24, [&](std::size_t) {
            if (all_products<awq::packed_product>(e, 96, 130, 400) != expected) ++wrong;
        });
    });
    CHECK(wrong == 0);
}

TEST_CASE("a Gram matrix is exactly symmetric")
{
    const auto x = random_values(301 * 150, 5);
    std::vector<float> g(150 * 150, 0.0f);
    const awq::matrix_view<float> gram{g.data(), 150, 150};
    awq::packed_product::add_gram(awq::tbb_execution{}, {x.data(), 301, 150}, gram);
    for (std::size_t i = 0; i < 150; ++i)
        for (std::size_t j = 0; j < i; ++j) REQUIRE(gram(i, j) == gram(j, i));
}
