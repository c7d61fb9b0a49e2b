// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/modifier.hpp>

#include <algorithm>
#include <vector>

namespace {

using small::linear;
using small::matrix;
using smoother = awq::modifier<awq::smoothing_only<>, awq::group_size<16>>;

// y = down(up(x)), with a few loud channels in between.
struct pair_of_linears {
    matrix x = small::random(200, 24, 1), up = small::random(48, 24, 2), down = small::random(20, 48, 3);

    pair_of_linears()
    {
        for (std::size_t r = 0; r < 48; r += 9)
            for (std::size_t c = 0; c < 24; ++c) up(r, c) *= 30.0f;
    }
    matrix hidden() const { return linear(x, up); }
};

std::vector<float> memory_for(const smoother&, std::size_t tokens, std::size_t in, std::size_t out)
{
    return std::vector<float>(smoother{}.workspace_size(tokens, in, out));
}

} // namespace

TEST_CASE("one call smooths a pair: the same function, a smaller error when quantized")
{
    for (const std::size_t tokens : {200, 30}) { // enough for a Gram matrix, and too few
        pair_of_linears net;
        const matrix inputs = net.hidden(), out = linear(inputs, net.down);
        const smoother how;
        auto memory = memory_for(how, tokens, 48, 20);
        const auto found = how.smooth(awq::smooth_layer{net.up.view()}, awq::balance_layers{net.down.view()},
                                      awq::activations{inputs.view().rows_from(0, tokens)}, awq::workspace{memory});
        REQUIRE(found);
        CHECK(found->best_error < 0.5 * found->initial_error);
        CHECK(found->best_scales.size() == 48);
        CHECK(small::difference(out, linear(net.hidden(), net.down)) < 1e-6);

        matrix rounded = net.down, plain = pair_of_linears{}.down;
        how.target().pseudo_quantize(rounded.view(), {}, rounded.view());
        how.target().pseudo_quantize(plain.view(), {}, plain.view());
        const double after = small::mean_square_difference(out, linear(net.hidden(), rounded));
        const double before = small::mean_square_difference(out, linear(inputs, plain));
        CHECK(after < 0.6 * before);
        if (tokens == 200) {
            CHECK(before == Approx(found->initial_error).epsilon(1e-4));
            CHECK(after == Approx(found->best_error).epsilon(1e-4));
        }
    }
}

TEST_CASE("a norm before several linears, with a caller's parent")
{
    matrix norm = small::random(1, 32, 5), q = small::random(16, 32, 6), k = small::random(16, 32, 7);
    const matrix x = small::random(40, 32, 8);
    const awq::matrix_view<float> reads[2] = {q.view(), k.view()};
    const awq::mapping pair{awq::smooth_target::of_norm(norm.values), reads};
    int calls = 0;
    // The product of both outputs, as a stand-in for attention.
    awq::parent product{[&](std::span<const awq::matrix_view<const float>> weights, awq::matrix_view<float> out) {
                            ++calls;
                            for (std::size_t t = 0; t < 40; ++t)
                                for (std::size_t o = 0; o < 16; ++o) {
                                    float a = 0.0f, b = 0.0f;
                                    for (std::size_t c = 0; c < 32; ++c) {
                                        a += x(t, c) * weights[0](o, c);
                                        b += x(t, c) * weights[1](o, c);
                                    }
                                    out(t, o) = a * b;
                                }
                        },
                        40, 16};
    const smoother how;
    std::vector<float> memory(smoother{}.workspace_size(40, 32, 32) + product.workspace_size());
    const auto found = how.smooth(pair, x.view(), product, memory);
    REQUIRE(found);
    CHECK(calls == 21);
    CHECK(found->best_error <= found->initial_error);
    const auto refused = how.smooth(pair, x.view(), product, std::span(memory).first(memory.size() - 3000));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == awq::error_code::workspace_too_small);
}

TEST_CASE("workspace_size is enough to the last float and says so when it is not")
{
    for (const std::size_t tokens : {100, 8})
        for (const std::size_t grid : {5, 20, 41}) {
            pair_of_linears net;
            const matrix inputs = net.hidden();
            const awq::matrix_view<float> reads[1] = {net.down.view()};
            const awq::mapping pair{awq::smooth_target::of_linear(net.up.view()), reads};
            const smoother how{{.n_grid = grid}};
            std::vector<float> memory(how.workspace_size(tokens, 48, 20, 1) + 1);
            const auto x = std::as_const(inputs).view().rows_from(0, tokens);
            CHECK(how.smooth(pair, x, std::span(memory).subspan(1))); // misaligned for doubles
            const matrix before = net.down;
            for (const std::size_t less : {memory.size() / 2, memory.size() / 8, std::size_t{0}}) {
                const auto refused = how.smooth(pair, x, std::span(memory).first(less));
                REQUIRE_FALSE(refused);
                CHECK(refused.error().code() == awq::error_code::workspace_too_small);
            }
            CHECK(net.down.values == before.values);
        }
}

TEST_CASE("activations that are not finite are refused and nothing changes")
{
    pair_of_linears net;
    matrix inputs = net.hidden();
    inputs(7, 7) = std::numeric_limits<float>::infinity();
    const matrix before = net.down;
    const smoother how;
    auto memory = memory_for(how, 200, 48, 20);
    const auto found = how.smooth(awq::smooth_layer{net.up.view()}, awq::balance_layers{net.down.view()},
                                  awq::activations{inputs.view()}, awq::workspace{memory});
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == awq::error_code::not_finite);
    CHECK(net.down.values == before.values);
}

TEST_CASE("check asks before acting")
{
    pair_of_linears net;
    const awq::matrix_view<float> reads[1] = {net.down.view()};
    const awq::mapping pair{awq::smooth_target::of_linear(net.up.view()), reads};
    CHECK(smoother{}.check(pair));
    const auto uneven = awq::modifier<awq::smoothing_only<>, awq::group_size<20>>{}.check(pair);
    REQUIRE_FALSE(uneven);
    CHECK(uneven.error().code() == awq::error_code::shape_mismatch);
    CHECK(awq::modifier<awq::smoothing_only<>, awq::per_channel>{}.check(pair));
}

TEST_CASE("a quantizing modifier hands out codes and their scales")
{
    const matrix weight = small::random(6, 64, 1);
    std::vector<std::int8_t> codes(6 * 64), zeros(6 * 4);
    std::vector<float> scales(6 * 4);
    const awq::modifier<awq::group_size<16>> how;
    REQUIRE(how.quantize(weight.view(), {{codes.data(), 6, 64}, {scales.data(), 6, 4}, {zeros.data(), 6, 4}}));
    for (std::size_t i = 0; i < codes.size(); ++i)
        CHECK(std::fabs(static_cast<float>(codes[i] - zeros[i / 16]) * scales[i / 16] - weight.values[i]) <=
              0.51f * scales[i / 16]);
}

TEST_CASE("a vector is a norm, and one row of a matrix is not")
{
    matrix gain = small::random(1, 32, 1), q = small::random(8, 32, 2), x = small::random(40, 32, 3);
    std::vector<float> memory(smoother{}.workspace_size(40, 32, 8));
    const auto smooth = [&](auto layer) {
        return smoother{}.smooth(awq::smooth_layer{layer}, awq::balance_layers{q.view()},
                                 awq::activations{std::as_const(x).view()}, awq::workspace{memory});
    };
    const matrix before = q;
    const auto refused = smooth(gain.view());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == awq::error_code::shape_mismatch);
    CHECK(refused.error().text().find("std::span") != std::string_view::npos);
    CHECK(q.values == before.values);
    CHECK(smooth(std::span{gain.values}));
}

TEST_CASE("options of another storage than the scheme's are refused, with what to do")
{
    matrix up = small::random(32, 8, 1), down = small::random(8, 32, 2);
    const awq::matrix_view<float> reads[1] = {down.view()};
    const awq::mapping pair{awq::smooth_target::of_linear(up.view()), reads};
    const awq::search_options options{.storage = awq::dtype::bf16};
    const auto refused = smoother{options}.check(pair);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("stored_as") != std::string_view::npos);
    using stored = awq::smoothing_only<awq::stored_as<awq::bf16, awq::w4a16_asym>>;
    CHECK(awq::modifier<stored, awq::group_size<16>>{options}.check(pair));
}
