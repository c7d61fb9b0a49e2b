// SPDX-License-Identifier: MIT
#include "half_tensors.hpp"

#include <cmath>
#include <utility>

namespace {

using awq::bf16;
using awq::f16;
using half::layers;
using half::tensor;
using small::matrix;
using scheme = awq::w4a16_asym;
template <class Target>
using smoother = awq::modifier<awq::smoothing_only<Target>, awq::group_size<16>>;

template <class T>
void check_type()
{
    using by = smoother<awq::stored_as<T, scheme>>;
    for (const std::size_t tokens : {100u, 30u}) { // enough for a Gram matrix, and too few
        half::check_bits<by, T>(true, false, tokens);
        half::check_bits<by, T>(true, true, tokens);
        half::check_bits<by, T>(false, false, tokens);
    }
}

// An engine's product that reads floats only.
struct floats_only {
    static void add_gram(const auto& e, awq::matrix_view<const float> x, awq::matrix_view<float> g)
    {
        awq::plain_product::add_gram(e, x, g);
    }
};

template <class T>
bool all_finite(const tensor<T>& values)
{
    return std::ranges::all_of(values.values, [](T value) { return std::isfinite(static_cast<float>(value)); });
}

} // namespace

TEST_CASE("smoothing bf16 tensors gives the bits of widening, smoothing and rounding them by hand")
{
    check_type<bf16>();
}

TEST_CASE("smoothing f16 tensors gives the bits of widening, smoothing and rounding them by hand")
{
    check_type<f16>();
}

TEST_CASE("a product that reads floats alone gets 16-bit inputs in tiles")
{
    const tensor<f16> x{half::loud_inputs(9)};
    std::vector<float> sums(awq::activation_stats::size(64, true)), other(sums.size()), tile(64);
    awq::workspace a{sums}, b{other};
    auto stats = *awq::activation_stats::make(a, 64, true), plain = *awq::activation_stats::make(b, 64, true);
    const awq::serial_execution serial;
    const auto refused = stats.observe<floats_only>(serial, x.view());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == awq::error_code::workspace_too_small);
    REQUIRE(stats.observe<floats_only>(serial, x.view(), {}, tile));
    const matrix wide = x.widened();
    REQUIRE(plain.observe<awq::plain_product>(serial, wide.view()));
    CHECK(sums == other);
}

TEST_CASE("a norm in float before weights in bf16")
{
    matrix norm = small::random(1, 64, 1);
    tensor<bf16> q{small::random(12, 64, 3)};
    matrix wide_norm = norm, wide_q = q.widened();
    const matrix x = half::loud_inputs(100);
    const smoother<scheme> how;
    std::vector<float> memory(how.workspace_size(100, 64, 12));
    const auto smooth = [&](std::span<float> gains, auto weight) {
        return how.smooth(awq::smooth_layer{gains}, awq::balance_layers{weight}, awq::activations{x.view()},
                          awq::workspace{memory});
    };
    REQUIRE(smooth(norm.values, q.view()));
    REQUIRE(smooth(wide_norm.values, wide_q.view()));
    CHECK(norm.values == wide_norm.values);
    CHECK(q == tensor<bf16>{wide_q});
}

TEST_CASE("a streaming run and a caller's parent take 16-bit tensors")
{
    const tensor<bf16> x{half::loud_inputs(100)};
    tensor<bf16> up{small::random(64, 24, 1)}, down{small::random(12, 64, 3)};
    const tensor<bf16> up_before = up, down_before = down;
    matrix wide_up = up.widened(), wide_down = down.widened();
    const smoother<scheme> how;
    std::vector<float> memory(how.workspace_size<bf16>(100, 64, 12) + 2 * 100 * 12);
    const awq::matrix_view<bf16> reads[1] = {down.view()};
    const awq::matrix_view<float> wide_reads[1] = {wide_down.view()};
    const awq::basic_mapping<bf16> pair{awq::basic_smooth_target<bf16>::of_linear(up.view()), reads};
    const awq::mapping wide_pair{awq::smooth_target::of_linear(wide_up.view()), wide_reads};

    std::vector<float> sums(awq::activation_stats::size(64, true));
    awq::workspace front{sums};
    awq::basic_tracked_mapping<bf16> tracked[1];
    tracked[0].target = pair;
    tracked[0].stats = *awq::activation_stats::make(front, 64, true);
    auto run = how.begin(std::span{tracked});
    REQUIRE(run.observe(0, x.view()));
    REQUIRE(run.end_block(0, 1, memory));
    CHECK(run.finish()->smoothed == 1);
    const matrix wide_x = x.widened();
    REQUIRE(how.smooth(wide_pair, wide_x.view(), memory));
    CHECK(down == tensor<bf16>{wide_down});
    CHECK(up == tensor<bf16>{wide_up});

    std::ranges::copy(up_before.values, up.values.begin());
    std::ranges::copy(down_before.values, down.values.begin());
    std::ranges::copy(up.widened().values, wide_up.values.begin());
    std::ranges::copy(down.widened().values, wide_down.values.begin());
    const awq::parent forward{[&](std::span<const awq::matrix_view<const float>> weights, awq::matrix_view<float> out) {
                                  awq::plain_product::multiply_nt(awq::serial_execution{}, wide_x.view(), weights[0],
                                                                  out);
                              },
                              100, 12};
    const auto found = how.smooth(pair, x.view(), forward, memory);
    REQUIRE(found);
    const double error = found->best_error;
    CHECK(how.smooth(wide_pair, wide_x.view(), forward, memory)->best_error == error);
    CHECK(down == tensor<bf16>{wide_down});
}

TEST_CASE("smoothing never leaves the range of f16")
{
    // Loud channels ask for scales far above what columns of 40000 can take.
    tensor<f16> up{small::random(64, 24, 1)};
    matrix large = small::random(12, 64, 3);
    for (std::size_t r = 0; r < 12; ++r)
        for (std::size_t c = 3; c < 64; c += 20) large(r, c) = 40000.0f;
    tensor<f16> down{large};
    matrix x = half::loud_inputs(100), wide_up = up.widened(), wide_down = down.widened();
    matrix stored_up = wide_up, stored_down = wide_down;
    const smoother<scheme> how;
    const smoother<awq::stored_as<f16, scheme>> stored;
    std::vector<float> memory(how.workspace_size(100, 64, 12));
    const auto smooth = [&](const auto& by, auto& a, auto& b) {
        return by.smooth(awq::smooth_layer{a.view()}, awq::balance_layers{b.view()},
                         awq::activations{std::as_const(x).view()}, awq::workspace{memory});
    };
    REQUIRE(smooth(how, wide_up, wide_down));
    CHECK_FALSE(all_finite(tensor<f16>{wide_down})); // what must not happen
    const auto found = smooth(how, up, down);
    REQUIRE(found);
    CHECK(found->skipped_candidates > 0);
    CHECK(all_finite(up));
    CHECK(all_finite(down));
    REQUIRE(smooth(stored, stored_up, stored_down)); // floats that will be stored in f16
    CHECK(all_finite(tensor<f16>{stored_up}));
    CHECK(all_finite(tensor<f16>{stored_down}));
}

TEST_CASE("no channel of a smooth layer in f16 becomes zero")
{
    matrix norm(1, 64), q = small::random(12, 64, 3), x = half::loud_inputs(100);
    norm.values.assign(64, 0x1p-23f); // can be divided by 4 at most
    const smoother<awq::stored_as<f16, scheme>> how;
    std::vector<float> memory(how.workspace_size(100, 64, 12));
    const auto found = how.smooth(awq::smooth_layer{std::span{norm.values}}, awq::balance_layers{q.view()},
                                  awq::activations{std::as_const(x).view()}, awq::workspace{memory});
    REQUIRE(found);
    CHECK(found->skipped_candidates > 0);
    for (const float gain : norm.values) CHECK(static_cast<float>(f16{gain}) > 0.0f);
}

TEST_CASE("a norm of 1 + weight keeps the function when its weight is rounded to bf16")
{
    tensor<bf16> norm{small::random(1, 64, 1, 0.2f)}, q{small::random(12, 64, 3)};
    norm.values[7] = bf16{-1.0f};
    const tensor<bf16> norm_before = norm, q_before = q;
    const matrix x = half::loud_inputs(100);
    const smoother<scheme> how;
    std::vector<float> memory(how.workspace_size(100, 64, 12));
    const auto found = how.smooth(awq::smooth_layer{std::span{norm.values}, {}, true}, awq::balance_layers{q.view()},
                                  awq::activations{x.view()}, awq::workspace{memory});
    REQUIRE(found);
    REQUIRE(found->best_error < found->initial_error);
    const matrix a = norm_before.widened(), b = norm.widened();
    for (std::size_t c = 0; c < 64; ++c)
        CHECK((1.0 + b(0, c)) * found->best_scales[c] == Approx(1.0 + a(0, c)).epsilon(1e-12).margin(0));
    for (std::size_t r = 0; r < 12; ++r) CHECK(q.view()(r, 7) == q_before.view()(r, 7));
}

TEST_CASE("quantizing 16-bit weights gives the codes of the widened ones")
{
    const tensor<f16> weight{small::random(40, 64, 1)};
    const matrix wide = weight.widened();
    struct codes {
        std::vector<std::int8_t> values = std::vector<std::int8_t>(40 * 64), zeros = std::vector<std::int8_t>(40 * 4);
        std::vector<float> scales = std::vector<float>(40 * 4);
        awq::quantized_weight view()
        {
            return {{values.data(), 40, 64}, {scales.data(), 40, 4}, {zeros.data(), 40, 4}};
        }
        bool operator==(const codes&) const = default;
    } expected;
    const awq::modifier<awq::group_size<16>> how;
    REQUIRE(how.quantize(wide.view(), expected.view()));
    for (const std::size_t rows : {1u, 7u, 40u}) { // what the memory holds at a time
        codes made;
        std::vector<float> memory(rows * 64);
        REQUIRE(how.quantize(weight.view(), made.view(), memory));
        CHECK(made == expected);
    }
    codes none;
    std::vector<float> memory(63);
    const auto refused = how.quantize(weight.view(), none.view(), memory);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == awq::error_code::workspace_too_small);
    CHECK(none == codes{});
    tensor<f16> bad = weight;
    bad.values[64] = f16{70000.0f};
    memory.resize(64);
    CHECK(how.quantize(bad.view(), none.view(), memory).error().code() == awq::error_code::not_finite);
}

TEST_CASE("a row in 16 bits is packed into GGUF blocks")
{
    const awq::modifier<awq::smooth_and_quantize<awq::gguf::q8_0>> how;
    const tensor<bf16> row{small::random(1, 64, 3)};
    const matrix wide = row.widened();
    std::vector<std::byte> a(68), b(68);
    std::vector<float> memory(64);
    REQUIRE(how.quantize_row(std::span{row.values}, {}, a, memory));
    REQUIRE(how.quantize_row(wide.values, {}, b));
    CHECK(a == b);
}
