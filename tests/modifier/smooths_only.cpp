// SPDX-License-Identifier: MIT
// Every way of use in smoothing_only; its object file is searched for quantizing code.
#include <awq/modifier.hpp>
#include <awq/quantization/pack_bits.hpp>

#ifndef AWQ_TEST_TARGET
#define AWQ_TEST_TARGET awq::default_scheme
#endif

using smoother = awq::modifier<awq::smoothing_only<AWQ_TEST_TARGET>, awq::group_size<32>>;

awq::status smooth_all(const awq::mapping& pair, awq::matrix_view<const float> x, std::span<float> norm,
                       awq::matrix_view<float> q, awq::workspace memory)
{
    const smoother how;
    AWQ_CHECK(how.check(pair));
    AWQ_TRY(auto once, how.smooth(pair, x, memory));
    AWQ_TRY(auto roles, how.smooth(awq::smooth_layer{norm}, awq::balance_layers{q}, awq::activations{x}, memory));
    awq::tracked_mapping tracked[1];
    tracked[0].target = pair;
    auto run = how.begin(tracked);
    AWQ_CHECK(run.observe(0, x));
    AWQ_CHECK(run.end_block(0, 1, memory));
    AWQ_TRY(auto summary, run.finish());
    return once.best_error <= roles.initial_error && summary.skipped == 0 ? awq::status{}
                                                                          : awq::error{awq::error_code::no_candidate};
}
