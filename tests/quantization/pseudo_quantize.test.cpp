// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/fp4_quantizer.hpp>
#include <awq/quantization/integer_quantizer.hpp>
#include <awq/quantization/pseudo_quantize.hpp>

#include <string>

TEST_CASE("a whole weight is its rows, one by one")
{
    const awq::integer_quantizer how{{4, false}, 32};
    const small::matrix weight = small::random(37, 96, 11);
    small::matrix all(37, 96), single(37, 96);
    REQUIRE(awq::pseudo_quantize(awq::serial_execution{}, how, weight.view(), {}, all.view()));
    for (std::size_t r = 0; r < 37; ++r)
        how.pseudo_quantize(weight.view().rows_from(r, 1), {}, single.view().rows_from(r, 1));
    CHECK(all.values == single.values);
}

TEST_CASE("a quantizer that needs the largest weight gets it before rows are rounded apart")
{
    const awq::fp4_quantizer how{awq::fp4_kind::nvfp4};
    for (const std::size_t rows : {1u, 3u, 100u}) {
        const small::matrix weight = small::random(rows, 96, 12);
        small::matrix all(rows, 96), at_once(rows, 96);
        REQUIRE(awq::pseudo_quantize(awq::serial_execution{}, how, weight.view(), {}, all.view()));
        how.pseudo_quantize(weight.view(), {}, at_once.view());
        CHECK(all.values == at_once.values);
        CHECK(all.values != weight.values);
    }
}

TEST_CASE("shapes that do not fit are refused")
{
    const awq::integer_quantizer how{{4, false}, 32};
    const small::matrix weight = small::random(4, 96, 11);
    small::matrix narrow(4, 64), right(4, 96);
    const std::vector<float> short_importance(64);
    const awq::serial_execution serial;
    CHECK_FALSE(awq::pseudo_quantize(serial, how, weight.view(), {}, narrow.view()));
    CHECK_FALSE(awq::pseudo_quantize(serial, how, weight.view(), short_importance, right.view()));
    const awq::integer_quantizer uneven{{4, false}, 40};
    CHECK_FALSE(awq::pseudo_quantize(serial, uneven, weight.view(), {}, right.view()));
}
