// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/modifier.hpp>
#include <awq/quantization/gguf/block_quantizer.hpp>

#include <limits>
#include <vector>

namespace {

using small::matrix;

// The static format gives the bytes and the numbers of the one that is chosen at run time.
template <class Format, awq::gguf::rounding How = awq::gguf::rounding::exact>
void check_format()
{
    const awq::gguf::format_quantizer<Format, How> fixed;
    const awq::gguf::block_quantizer chosen{Format::id, How};
    CAPTURE(awq::gguf::name_of(Format::id));
    const matrix weight = small::random(3, 512, 5), gains = small::random(1, 512, 6);
    std::vector<float> importance;
    for (const float gain : gains.values) importance.push_back(gain * gain);
    for (const std::span<const float> given : {std::span<const float>{importance}, std::span<const float>{}}) {
        std::vector<std::byte> a(fixed.row_bytes(512)), b(chosen.row_bytes(512));
        fixed.quantize_row(weight.view().row(1), given, a);
        chosen.quantize_row(weight.view().row(1), given, b);
        CHECK(a == b);
        matrix x(3, 512), y(3, 512);
        fixed.pseudo_quantize(weight.view(), given, x.view());
        chosen.pseudo_quantize(weight.view(), given, y.view());
        CHECK(x.values == y.values);
    }
    CHECK(fixed.scale_columns(512) == chosen.scale_columns(512));
    CHECK_FALSE(fixed.check(40));
}

// Rounds to multiples of a step that is chosen at run time.
struct steps {
    float step;

    awq::status check(std::size_t) const { return {}; }
    std::size_t row_block() const { return 1; }
    std::size_t scale_columns(std::size_t in_features) const { return in_features; }
    void pseudo_quantize(awq::matrix_view<const float> rows, std::span<const float>, awq::matrix_view<float> out) const
    {
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for (std::size_t c = 0; c < rows.cols(); ++c) out(r, c) = awq::round_half_even(rows(r, c) / step) * step;
    }
};

// Smooths a norm and a layer with loud channels; the outcome's errors.
template <class Modifier>
std::pair<double, double> smooth(const Modifier& how)
{
    matrix x = small::random(300, 256, 1), q = small::random(16, 256, 2);
    for (std::size_t t = 0; t < x.rows; ++t)
        for (std::size_t c = 3; c < 256; c += 40) x(t, c) *= 30.0f;
    std::vector<float> norm(256, 1.0f), memory(how.workspace_size(300, 256, 16));
    const auto found = how.smooth(awq::smooth_layer{std::span{norm}}, awq::balance_layers{q.view()},
                                  awq::activations{std::as_const(x).view()}, awq::workspace{memory});
    REQUIRE(found);
    return {found->initial_error, found->best_error};
}

} // namespace

TEST_CASE("a GGUF format as a type gives the bytes of the one chosen at run time")
{
    check_format<awq::gguf::q4_0>();
    check_format<awq::gguf::q4_1>();
    check_format<awq::gguf::q5_0>();
    check_format<awq::gguf::q5_1>();
    check_format<awq::gguf::q8_0>();
    check_format<awq::gguf::q2_k>();
    check_format<awq::gguf::q3_k>();
    check_format<awq::gguf::q4_k>();
    check_format<awq::gguf::q5_k>();
    check_format<awq::gguf::q6_k>();
    check_format<awq::gguf::iq4_nl>();
    check_format<awq::gguf::q4_k, awq::gguf::rounding::best>();
}

TEST_CASE("a modifier smooths for a GGUF format, and packs its rows")
{
    const auto [before, after] = smooth(awq::modifier<awq::smoothing_only<awq::gguf::q4_k>>{});
    CHECK(after < before);
    const awq::modifier<awq::smooth_and_quantize<awq::gguf::q4_k>> how;
    matrix weight = small::random(1, 256, 3);
    std::vector<std::byte> bytes(144), expected(144);
    REQUIRE(how.quantize_row(weight.values, {}, bytes));
    awq::gguf::block_quantizer{awq::gguf::type::q4_k}.quantize_row(weight.values, {}, expected);
    CHECK(bytes == expected);
    CHECK(how.quantize_row(weight.values, {}, std::span(bytes).first(100)).error().code() ==
          awq::error_code::shape_mismatch);
    weight.values[200] = std::numeric_limits<float>::infinity();
    CHECK(how.quantize_row(weight.values, {}, bytes).error().code() == awq::error_code::not_finite);
}

TEST_CASE("a quantizer with a state is handed to a modifier")
{
    using stepped = awq::modifier<awq::smoothing_only<steps>>;
    const auto coarse = smooth(stepped::with_quantizer(steps{0.5f}));
    const auto fine = smooth(stepped::with_quantizer(steps{0.01f}, {.n_grid = 5}));
    CHECK(coarse.second <= coarse.first);
    CHECK(fine.first < coarse.first / 100.0);
}
