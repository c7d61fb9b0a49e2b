// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/quantization/integer_quantizer.hpp>

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using awq::dtype;
using awq::integer_quantizer;

struct codes_of_rows {
    std::vector<std::int8_t> codes, zero_points;
    std::vector<float> scales;
};

codes_of_rows quantize(const integer_quantizer& how, const small::matrix& weight)
{
    const std::size_t groups = how.groups(weight.cols);
    codes_of_rows made;
    made.codes.resize(weight.values.size());
    made.scales.resize(weight.rows * groups);
    made.zero_points.resize(weight.rows * groups);
    for (std::size_t r = 0; r < weight.rows; ++r)
        how.quantize_row(weight.view().row(r), std::span(made.codes).subspan(r * weight.cols, weight.cols),
                         std::span(made.scales).subspan(r * groups, groups),
                         std::span(made.zero_points).subspan(r * groups, groups));
    return made;
}

std::uint16_t bf16_bits(float value) { return awq::bf16{value}.bits; }
std::uint16_t f16_bits(float value) { return awq::f16{value}.bits; }

// The same formulas one weight at a time, rounding through the C library.
float reference(float weight, float smallest, float largest, const awq::scheme& format)
{
    float scale, zero = 0.0f;
    if (format.symmetric) {
        scale = std::fmax(-smallest, largest) / (format.width() / 2.0f);
    } else {
        scale = (largest - smallest) / format.width();
        zero = std::nearbyint(
            std::fmin(std::fmax(format.smallest() - smallest / scale, format.smallest()), format.largest()));
    }
    if (scale == 0.0f) return 0.0f;
    const float code = std::fmin(std::fmax(weight / scale + zero, format.smallest()), format.largest());
    return (std::nearbyint(code) - zero) * scale;
}

} // namespace

TEST_CASE("int4 groups of 8: the golden scales and codes of each storage dtype")
{
    const small::matrix weight = small::golden_weight(2, 16);
    const std::vector<std::int8_t> symmetric{-8, -2, 4, -5, 1, 6, -3, 3, -8, -1, 5, -5, 1, 7, -3, 3};
    const std::vector<std::int8_t> asymmetric{-8, -2, 5, -6, 1, 7, -3, 3, -8, -1, 5, -5, 1, 7, -3, 3};
    for (const dtype storage : {dtype::bf16, dtype::f16, dtype::f32}) {
        const auto sym = quantize({{4, true}, 8, storage}, weight);
        CHECK(std::equal(symmetric.begin(), symmetric.end(), sym.codes.begin()));
        CHECK(sym.zero_points == std::vector<std::int8_t>{0, 0, 0, 0});
        const auto asym = quantize({{4, false}, 8, storage}, weight);
        CHECK(std::equal(asymmetric.begin(), asymmetric.end(), asym.codes.begin()));
        CHECK(asym.zero_points == std::vector<std::int8_t>{0, 0, 0, -1});
    }
    const auto bf16_sym = quantize({{4, true}, 8, dtype::bf16}, weight).scales;
    CHECK(bf16_bits(bf16_sym[0]) == 0x3DEF);
    CHECK(bf16_bits(bf16_sym[1]) == 0x3DDE);
    CHECK(bf16_bits(bf16_sym[2]) == 0x3DDE);
    CHECK(bf16_bits(bf16_sym[3]) == 0x3DEF);
    for (const float scale : quantize({{4, false}, 8, dtype::bf16}, weight).scales) CHECK(bf16_bits(scale) == 0x3DDE);
    const auto f16_sym = quantize({{4, true}, 8, dtype::f16}, weight).scales;
    CHECK(f16_bits(f16_sym[0]) == 0x2F77);
    CHECK(f16_bits(f16_sym[1]) == 0x2EEF);
    const auto f32_sym = quantize({{4, true}, 8, dtype::f32}, weight).scales;
    CHECK(std::bit_cast<std::uint32_t>(f32_sym[0]) == 0x3DEEEEEF);
    CHECK(std::bit_cast<std::uint32_t>(f32_sym[1]) == 0x3DDDDDDE);
    for (const float scale : quantize({{4, false}, 8, dtype::f32}, weight).scales)
        CHECK(std::bit_cast<std::uint32_t>(scale) == 0x3DDDDDDE);
}

TEST_CASE("int8 per channel in bf16: the golden codes")
{
    const auto made = quantize({{8, true}, 0, dtype::bf16}, small::golden_weight(2, 16));
    const std::vector<std::int8_t> expected{-128, -27, 73,  -91, 9,    109, -54, 46,   -118, -18, 82,
                                            -82,  18,  118, -46, 54,   -54, 46,  -118, -18,  82,  -82,
                                            18,   118, -46, 54,  -109, -9,  91,  -73,  27,   127};
    CHECK(made.codes == expected);
    for (const float scale : made.scales) CHECK(bf16_bits(scale) == 0x3BE1);
}

TEST_CASE("a group of zeros stays zero, with the storage dtype's epsilon as scale")
{
    const small::matrix zeros(1, 8);
    for (const bool symmetric : {false, true}) {
        const auto made = quantize({{4, symmetric}, 8, dtype::bf16}, zeros);
        CHECK(made.scales[0] == 0x1p-7f);
        CHECK(made.zero_points[0] == 0);
        CHECK(std::all_of(made.codes.begin(), made.codes.end(), [](int c) { return c == 0; }));
        CHECK(quantize({{4, symmetric}, 8, dtype::f16}, zeros).scales[0] == 0x1p-10f);
        CHECK(quantize({{4, symmetric}, 8}, zeros).scales[0] == 0x1p-23f);
    }
}

TEST_CASE("pseudo-quantized values equal a weight-by-weight reference, at every width")
{
    for (int bits = 2; bits <= 8; ++bits)
        for (const bool symmetric : {false, true})
            for (const std::size_t group : {std::size_t{0}, std::size_t{8}, std::size_t{48}}) {
                const integer_quantizer how{{bits, symmetric}, group};
                const small::matrix weight = small::random(5, 144, static_cast<unsigned>(bits));
                small::matrix out(5, 144);
                how.pseudo_quantize(weight.view(), {}, out.view());
                const std::size_t width = how.scale_columns(144);
                for (std::size_t i = 0; i < weight.values.size(); ++i) {
                    const auto first = weight.values.begin() + static_cast<long>(i / width * width);
                    const auto last = first + static_cast<long>(width);
                    const float low = std::fmin(0.0f, *std::min_element(first, last));
                    const float high = std::fmax(0.0f, *std::max_element(first, last));
                    REQUIRE(out.values[i] == reference(weight.values[i], low, high, how.format));
                }
            }
}

TEST_CASE("pseudo-quantized values are what codes, scales and zero points say")
{
    for (const dtype storage : {dtype::f32, dtype::bf16, dtype::f16})
        for (const bool symmetric : {false, true}) {
            const integer_quantizer how{{4, symmetric}, 16, storage};
            const small::matrix weight = small::random(3, 64, 7);
            small::matrix out(3, 64);
            how.pseudo_quantize(weight.view(), {}, out.view());
            const auto made = quantize(how, weight);
            for (std::size_t i = 0; i < out.values.size(); ++i) {
                std::vector<float> value{static_cast<float>(made.codes[i] - made.zero_points[i / 16]) *
                                         made.scales[i / 16]};
                awq::round_to_storage(storage, value);
                REQUIRE(out.values[i] == value[0]);
            }
        }
}

TEST_CASE("quantizing in place is the same as out of place, and twice is the same as once")
{
    const integer_quantizer how{{4, true}, 32};
    small::matrix weight = small::random(4, 64, 3);
    small::matrix out(4, 64);
    how.pseudo_quantize(weight.view(), {}, out.view());
    how.pseudo_quantize(weight.view(), {}, weight.view());
    CHECK(weight.values == out.values);
}

TEST_CASE("a NaN weight stays visible")
{
    small::matrix weight = small::random(1, 32, 3);
    weight(0, 5) = std::numeric_limits<float>::quiet_NaN();
    small::matrix out(1, 32);
    integer_quantizer{{4, false}, 32}.pseudo_quantize(weight.view(), {}, out.view());
    CHECK(std::isnan(out(0, 5)));
    CHECK(std::isfinite(out(0, 6)));
}

TEST_CASE("group sizes that do not divide a row, and impossible widths, are refused")
{
    CHECK(integer_quantizer{{4, false}, 128}.check(256));
    CHECK(integer_quantizer{{4, false}, 0}.check(100));
    const auto uneven = integer_quantizer{{4, false}, 128}.check(576);
    REQUIRE_FALSE(uneven);
    CHECK(uneven.error().code() == awq::error_code::shape_mismatch);
    CHECK_FALSE(integer_quantizer{{4, false}, 128}.check(64));
    CHECK_FALSE(integer_quantizer{{4, false}, 128}.check(0));
    CHECK_FALSE(integer_quantizer{{1, false}, 128}.check(128));
    CHECK_FALSE(integer_quantizer{{9, false}, 128}.check(128));
}
