// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/execution/serial_execution.hpp>
#include <awq/quantization/pseudo_quantize.hpp>
#include <awq/quantization/quantize_weight.hpp>

#include <limits>
#include <string_view>
#include <vector>

namespace {

struct memory {
    std::vector<std::int8_t> codes, zeros;
    std::vector<float> scales;
    std::size_t rows, cols, groups;

    memory(std::size_t r, std::size_t c, std::size_t g)
        : codes(r * c), zeros(r * g), scales(r * g), rows(r), cols(c), groups(g)
    {}
    awq::quantized_weight out(bool with_zeros = true)
    {
        return {{codes.data(), rows, cols},
                {scales.data(), rows, groups},
                with_zeros ? awq::matrix_view<std::int8_t>{zeros.data(), rows, groups}
                           : awq::matrix_view<std::int8_t>{}};
    }
};

} // namespace

TEST_CASE("codes, scales and zero points stand for the pseudo-quantized weight")
{
    const awq::serial_execution serial;
    for (const bool symmetric : {false, true}) {
        const awq::integer_quantizer how{{4, symmetric}, 32};
        const small::matrix weight = small::random(21, 128, 5);
        small::matrix simulated(21, 128), restored(21, 128);
        memory space(21, 128, 4);
        const auto out = space.out(!symmetric);
        REQUIRE(awq::quantize_weight(serial, how, weight.view(), out));
        awq::dequantize_weight(serial, out, restored.view());
        how.pseudo_quantize(weight.view(), {}, simulated.view());
        CHECK(restored.values == simulated.values);
    }
}

TEST_CASE("memory of the wrong shape is refused, also an asymmetric scheme without zero points")
{
    const awq::serial_execution serial;
    const small::matrix weight = small::random(4, 64, 5);
    const awq::integer_quantizer how{{4, false}, 32};
    memory right(4, 64, 2), wrong(4, 64, 1);
    CHECK(awq::quantize_weight(serial, how, weight.view(), right.out()));
    CHECK_FALSE(awq::quantize_weight(serial, how, weight.view(), right.out(false)));
    const auto refused = awq::quantize_weight(serial, how, weight.view(), wrong.out());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == awq::error_code::shape_mismatch);
}

TEST_CASE("a weight that is not finite is refused before anything is written")
{
    const awq::serial_execution serial;
    const awq::integer_quantizer how{{4, false}, 32};
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
        small::matrix weight = small::random(70, 64, 5);
        weight(67, 63) = bad;
        memory space(70, 64, 2);
        const auto refused = awq::quantize_weight(serial, how, weight.view(), space.out());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == awq::error_code::not_finite);
        CHECK(refused.error().text().find("row 67 ") != std::string_view::npos);
        CHECK(space.out().scales(0, 0) == 0.0f);
    }
}

TEST_CASE("outputs whose rows overlap are refused")
{
    const awq::serial_execution serial;
    const awq::integer_quantizer how{{4, false}, 32};
    const small::matrix weight = small::random(4, 64, 5);
    memory space(4, 64, 2);
    awq::quantized_weight out = space.out();
    out.codes = {out.codes.data(), 4, 64, 63};
    CHECK(awq::quantize_weight(serial, how, weight.view(), out).error().code() == awq::error_code::invalid_argument);
    small::matrix floats(4, 64);
    CHECK(awq::pseudo_quantize(serial, how, weight.view(), {}, {floats.values.data(), 4, 64, 32}).error().code() ==
          awq::error_code::invalid_argument);
}
