// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_MLP_HPP
#define AWQ_MODEL_FORWARD_MLP_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/scratch.hpp>
#include <awq/model/block_weights.hpp>
#include <awq/model/forward/linear.hpp>
#include <awq/model/forward/observer.hpp>
#include <awq/support/result.hpp>

#include <cstddef>

namespace awq {

namespace detail {

/// gate = act(gate) * up, row by row.
template <execution E>
void multiply_gate(const E& e, activation act, matrix_view<const float> up, matrix_view<float> gate)
{
    for_each_row(e, gate.rows(), [&](std::size_t t) {
        if (act == activation::gelu_tanh)
            kernels::simd::gelu_tanh_multiply(gate.row(t), up.row(t), gate.row(t));
        else
            kernels::simd::silu_multiply(gate.row(t), up.row(t), gate.row(t));
    });
}

} // namespace detail

/// `mlp`: down_proj(act(gate_proj(x)) * up_proj(x)) (Shazeer 2020), normed input (tokens, hidden)
/// to (tokens, hidden). The observer sees the inputs of gate_proj and down_proj.
/// Working memory is two intermediate rows a token.
template <class Product, execution E, class Observer = no_observer>
status mlp_forward(const E& e, const model_config& config, const mlp_weights& weights,
                   matrix_view<const float> input, matrix_view<float> output,
                   const Observer& observer = {})
{
    const std::size_t inner = weights.gate_proj.weight.rows();
    scratch memory{2 * input.rows() * inner};
    if (!memory)
        return error{error_code::out_of_memory, "no memory for the MLP of ", input.rows(),
                     " tokens; run fewer tokens at a time"};
    const matrix_view<float> gate{memory.data(), input.rows(), inner};
    const matrix_view<float> up{gate.data() + gate.size(), input.rows(), inner};
    observer("mlp.gate_proj", input);
    linear_forward<Product>(e, weights.gate_proj, input, gate);
    linear_forward<Product>(e, weights.up_proj, input, up);
    detail::multiply_gate(e, activation_of(config.hidden_act).value_or(activation::silu), up, gate);
    observer("mlp.down_proj", matrix_view<const float>{gate});
    linear_forward<Product>(e, weights.down_proj, gate, output);
    return {};
}

} // namespace awq

#endif
