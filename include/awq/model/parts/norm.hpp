// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_PARTS_NORM_HPP
#define AWQ_MODEL_PARTS_NORM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/block/block_linear.hpp>
#include <awq/model/forward/norm.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

/// A norm of every token's row; its output may take the input's place.
struct norm_part {
    value_id from = hidden_state, to = hidden_state;
    std::size_t weight = none_here, bias = none_here; ///< tensors
    norm_rule rule;
};

/// The hidden state as it is now, for parts that read it without a norm.
struct tap_part {
    value_id from = hidden_state, to = hidden_state;
};

/// Puts a branch back on the hidden state: hidden += factor * from.
struct add_part {
    value_id from = hidden_state, to = hidden_state;
    float factor = 1.0f;
};

template <class Run>
status run_part(Run& run, const norm_part& part, matrix_view<const float> input, matrix_view<float> output)
{
    norm_forward(run.how, {run.vector(part.weight), run.vector(part.bias), part.rule}, input, output);
    return {};
}

template <class Run>
status run_part(Run& run, const tap_part&, matrix_view<const float> input, matrix_view<float> output)
{
    for_each_row(run.how, input.rows(), [&](std::size_t t) { std::ranges::copy(input.row(t), output.row(t).begin()); });
    return {};
}

template <class Run>
status run_part(Run& run, const add_part& part, matrix_view<const float> input, matrix_view<float> hidden)
{
    for_each_row(run.how, hidden.rows(), [&](std::size_t t) {
        if (part.factor == 1.0f)
            kernels::simd::add(input.row(t), hidden.row(t));
        else
            kernels::simd::add_scaled(part.factor, input.row(t), hidden.row(t));
    });
    return {};
}

} // namespace awq

#endif
