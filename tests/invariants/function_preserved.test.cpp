// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "small_problem.hpp"
#include <awq/modifier.hpp>

#include <vector>

TEST_CASE("smoothing keeps what a norm and its linears compute, for random layers")
{
    using smoother = awq::modifier<awq::smoothing_only<>, awq::group_size<16>>;
    for (unsigned seed = 1; seed <= 40; ++seed) {
        const bool offset = seed % 2 == 0;
        const small::matrix x = small::random(48, 64, seed);
        small::matrix norm = small::random(1, 64, seed + 100), q = small::random(16, 64, seed + 200),
                      k = small::random(8, 64, seed + 300);
        const auto inputs = [&] {
            small::matrix y = x;
            for (std::size_t t = 0; t < x.rows; ++t)
                for (std::size_t c = 0; c < 64; ++c) y(t, c) *= norm(0, c) + (offset ? 1.0f : 0.0f);
            return y;
        };
        const small::matrix before = inputs(), q_out = small::linear(before, q), k_out = small::linear(before, k);
        std::vector<float> memory(smoother{}.workspace_size(48, 64, 24));
        const auto found = smoother{}.smooth(awq::smooth_layer{std::span{norm.values}, std::span<float>{}, offset},
                                             awq::balance_layers{q.view(), k.view()}, awq::activations{before.view()},
                                             awq::workspace{memory});
        REQUIRE(found);
        const small::matrix after = inputs();
        CHECK(small::difference(q_out, small::linear(after, q)) < 6e-7);
        CHECK(small::difference(k_out, small::linear(after, k)) < 6e-7);
    }
}
