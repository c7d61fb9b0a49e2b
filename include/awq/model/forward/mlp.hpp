// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_MLP_HPP
#define AWQ_MODEL_FORWARD_MLP_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/scratch.hpp>
#include <awq/model/block_weights.hpp>
#include <awq/model/forward/linear.hpp>
#include <awq/model/forward/observer.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
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

/// What down_proj reads, act(gate_proj(x)) * up_proj(x): normed input (tokens, hidden) to
/// (tokens, intermediate). up_proj runs for about a thousand tokens at a time, so that working memory
/// stays small beside the result.
template <class Product, execution E>
status mlp_inner_forward(const E& e, const model_config& config, const mlp_weights& weights,
                         matrix_view<const float> input, matrix_view<float> gate)
{
    constexpr std::size_t at_once = 1024; // enough that packing the weight again costs little
    const std::size_t tokens = input.rows(), parts = std::max<std::size_t>(1, tokens / at_once);
    scratch memory{chunk_count(tokens, parts) * gate.cols()};
    if (!memory)
        return error{error_code::out_of_memory, "no memory for the MLP of ", tokens,
                     " tokens; run fewer tokens at a time"};
    const activation act = activation_of(config.hidden_act).value_or(activation::silu);
    linear_forward<Product>(e, weights.gate_proj, input, gate);
    for (std::size_t part = 0; part < parts; ++part) {
        const std::size_t first = part * tokens / parts, end = (part + 1) * tokens / parts;
        const matrix_view<float> up{memory.data(), end - first, gate.cols()};
        linear_forward<Product>(e, weights.up_proj, input.rows_from(first, end - first), up);
        detail::multiply_gate(e, act, up, gate.rows_from(first, end - first));
    }
    return {};
}

/// `mlp`: down_proj(act(gate_proj(x)) * up_proj(x)) (Shazeer 2020), normed input (tokens, hidden)
/// to (tokens, hidden). The observer sees the inputs of gate_proj and down_proj.
/// Working memory is one intermediate row a token, and some.
template <class Product, execution E, class Observer = no_observer>
status mlp_forward(const E& e, const model_config& config, const mlp_weights& weights,
                   matrix_view<const float> input, matrix_view<float> output,
                   const Observer& observer = {})
{
    const std::size_t inner = weights.gate_proj.weight.rows();
    scratch memory{input.rows() * inner};
    if (!memory)
        return error{error_code::out_of_memory, "no memory for the MLP of ", input.rows(),
                     " tokens; run fewer tokens at a time"};
    const matrix_view<float> gate{memory.data(), input.rows(), inner};
    observer("mlp.gate_proj", input);
    AWQ_CHECK(mlp_inner_forward<Product>(e, config, weights, input, gate));
    observer("mlp.down_proj", matrix_view<const float>{gate});
    linear_forward<Product>(e, weights.down_proj, gate, output);
    return {};
}

} // namespace awq

#endif
