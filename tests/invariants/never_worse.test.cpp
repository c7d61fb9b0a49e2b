// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/modifier.hpp>

#include <vector>

namespace {

// 60 random pairs: loud channels or none, dead channels, few or many tokens.
template <class Scheme, class Group>
void search_random_pairs()
{
    using smoother = awq::modifier<awq::smoothing_only<Scheme>, Group>;
    for (unsigned seed = 1; seed <= 60; ++seed) {
        small::matrix up = small::random(32, 8, seed), down = small::random(6, 32, seed + 100);
        small::matrix x = small::random(4 + seed, 32, seed + 200);
        for (std::size_t t = 0; t < x.rows; ++t)
            for (std::size_t c = 0; c < 32; ++c)
                x(t, c) *= c % 7 == seed % 7 ? 20.0f : c % 11 == seed % 11 ? 0.0f : 1.0f;
        const small::matrix before = small::linear(x, down);
        small::matrix plain = down;
        const smoother how{{.duo_scaling = static_cast<awq::duo>(seed % 3)}};
        std::vector<float> memory(how.workspace_size(x.rows, 32, 6));
        const auto found = how.smooth(awq::smooth_layer{up.view()}, awq::balance_layers{down.view()},
                                      awq::activations{x.view()}, awq::workspace{memory});
        REQUIRE(found);
        CHECK(found->best_error <= found->initial_error);

        // And so it is for who quantizes the smoothed weight: inputs divided, columns multiplied.
        small::matrix divided = x;
        for (std::size_t t = 0; t < x.rows; ++t)
            for (std::size_t c = 0; c < 32; ++c) divided(t, c) = static_cast<float>(x(t, c) / found->best_scales[c]);
        how.target().pseudo_quantize(plain.view(), {}, plain.view());
        how.target().pseudo_quantize(down.view(), {}, down.view());
        const double smoothed = small::mean_square_difference(before, small::linear(divided, down));
        const double rounded = small::mean_square_difference(before, small::linear(x, plain));
        CHECK(smoothed <= rounded * 1.001);
    }
}

} // namespace

TEST_CASE("the search is never worse than leaving the weights alone")
{
    search_random_pairs<awq::w4a16_asym, awq::group_size<16>>();
    search_random_pairs<awq::w3a16, awq::group_size<8>>();
    search_random_pairs<awq::w8a16, awq::per_channel>();
}
