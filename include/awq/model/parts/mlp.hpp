// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_PARTS_MLP_HPP
#define AWQ_MODEL_PARTS_MLP_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/activation.hpp>
#include <awq/device/no_memory.hpp>
#include <awq/execution/execution_concept.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/model/block/block_linear.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>

namespace awq {

/// down(act(gate(x)) * up(x)) (Shazeer 2020); without a gate down(act(up(x))). Where there is an
/// output gate, times sigmoid of that layer's one output.
struct mlp_part {
    value_id from = hidden_state, inner = hidden_state, to = hidden_state;
    linear_rows gate, up, down, output_gate;
    activation act = activation::silu;
    std::size_t alpha_p = none_here, alpha_n = none_here; ///< tensors of xielu
};

namespace detail {

/// inner = act(gate(x)) * up(x). up runs for half of its outputs at a time or fewer, so that working memory stays
/// small beside the result; each of its weights is packed once.
template <class Run>
status run_gated(Run& run, const mlp_part& part, matrix_view<const float> input, matrix_view<float> inner)
{
    constexpr std::size_t at_once = 7168; // enough that packing the input again costs little
    const std::size_t width = inner.cols(), parts = std::max<std::size_t>(2, chunk_count(width, at_once));
    scratch memory{input.rows() * chunk_count(width, parts)};
    if (!memory) return detail::no_memory("the MLP");
    run.linear(part.gate, input, inner);
    for (std::size_t i = 0; i < parts; ++i) {
        const std::size_t first = i * width / parts, count = (i + 1) * width / parts - first;
        const matrix_view<float> up{memory.data(), input.rows(), count};
        run.linear({part.up.linear, part.up.first + first, count}, input, up);
        run.machine.multiply_activated(part.act, up, inner.cols_from(first, count));
    }
    return {};
}

/// Every row of `output` times sigmoid(input gate^T).
template <class Run>
status gate_output(Run& run, const linear_rows& gate, matrix_view<const float> input, matrix_view<float> output)
{
    scratch memory{input.rows()};
    if (!memory) return detail::no_memory("the MLP");
    const matrix_view<float> shares{memory.data(), input.rows(), 1};
    run.linear(gate, input, shares);
    run.machine.gate_rows(shares, output);
    return {};
}

} // namespace detail

/// Normed input (tokens, hidden) to (tokens, hidden). Working memory is one inner row a token, and some.
template <class Run>
status run_part(Run& run, const mlp_part& part, matrix_view<const float> input, matrix_view<float> output)
{
    scratch memory{input.rows() * part.up.count};
    if (!memory) return detail::no_memory("the MLP");
    const matrix_view<float> inner{memory.data(), input.rows(), part.up.count};
    if (part.gate) {
        AWQ_CHECK(detail::run_gated(run, part, input, inner));
    } else {
        run.linear(part.up, input, inner);
        if (part.act == activation::xielu)
            run.machine.activate_xielu(run.vector(part.alpha_p)[0], run.vector(part.alpha_n)[0], inner);
        else
            run.machine.activate(part.act, inner);
    }
    if (!run.observe(part.inner, inner)) return {};
    run.linear(part.down, inner, output);
    return part.output_gate ? detail::gate_output(run, part.output_gate, input, output) : status{};
}

} // namespace awq

#endif
