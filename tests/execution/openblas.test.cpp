// SPDX-License-Identifier: MIT
#include <awq/execution/products/openblas.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/execution/tbb_execution.hpp>

#include "catch.hpp"
#include "product_checks.hpp"

TEST_CASE("OpenBLAS equals a double loop on odd shapes")
{
    const awq::openblas_threads one{1};
    check_all_shapes<awq::openblas_product>(awq::tbb_execution{});
}

TEST_CASE("OpenBLAS under the execution's threads has the same bits as without")
{
    const awq::openblas_threads one{1};
    const auto serial = all_products<awq::openblas_product>(awq::serial_execution{}, 1100, 70, 90);
    CHECK(all_products<awq::openblas_product>(awq::tbb_execution{}, 1100, 70, 90) == serial);
}

TEST_CASE("the thread guard restores the number of threads")
{
    const int before = openblas_get_num_threads();
    {
        const awq::openblas_threads one{1};
        CHECK(openblas_get_num_threads() == 1);
    }
    CHECK(openblas_get_num_threads() == before);
}
