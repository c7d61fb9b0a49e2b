// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_PARTS_NORM_HPP
#define AWQ_MODEL_PARTS_NORM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/norm_view.hpp>
#include <awq/model/block/block_linear.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

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
    run.machine.norm({run.vector(part.weight), run.vector(part.bias), part.rule}, input, output);
    return {};
}

template <class Run>
status run_part(Run& run, const tap_part&, matrix_view<const float> input, matrix_view<float> output)
{
    run.machine.copy(input, output);
    return {};
}

template <class Run>
status run_part(Run& run, const add_part& part, matrix_view<const float> input, matrix_view<float> hidden)
{
    run.machine.add(part.factor, input, hidden);
    return {};
}

} // namespace awq

#endif
