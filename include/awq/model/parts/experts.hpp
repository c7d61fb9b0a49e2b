// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_PARTS_EXPERTS_HPP
#define AWQ_MODEL_PARTS_EXPERTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/router_rule.hpp>
#include <awq/model/parts/mlp.hpp>

#include <cstddef>
#include <vector>

namespace awq {

/// A mixture of experts (Shazeer et al. 2017): each token goes through a few of many MLPs, which are
/// run one after the other on the tokens that chose them. The rows of `from` that each is given are a
/// value of its own, and so is its inner one.
struct experts_part {
    value_id from = hidden_state, to = hidden_state;
    linear_rows router;
    std::size_t router_bias = none_here; ///< tensor: added to the scores for the choice only
    router_rule rule;
    std::vector<mlp_part> experts;
    bool weighs_input = false; ///< weights are factors of what experts are given, not of what they say
};

namespace detail {

/// What one expert adds: output[t] += weight * expert(input[t]) for its tokens, or expert(weight *
/// input[t]).
template <class Run>
status run_expert(Run& run, const experts_part& part, const mlp_part& expert, std::span<const routed_token> tokens,
                  matrix_view<const float> input, matrix_view<float> output)
{
    const std::size_t count = tokens.size(), wide = input.cols(), inner_width = expert.up.count;
    scratch memory{count * (2 * wide + inner_width)};
    if (!memory) return detail::no_memory("an expert");
    const matrix_view<float> rows{memory.data(), count, wide};
    const matrix_view<float> made{rows.data() + rows.size(), count, wide};
    const matrix_view<float> inner{made.data() + made.size(), count, inner_width};
    run.machine.gather(tokens, part.weighs_input, input, rows);
    const bool is_shown = run.context.all_experts;
    if (!is_shown && !run.observe(expert.from, rows)) return {};
    AWQ_CHECK(run_gated(run, expert, rows, inner));
    if (!is_shown && !run.observe(expert.inner, inner)) return {};
    run.linear(expert.down, inner, made);
    run.machine.scatter(tokens, !part.weighs_input, made, output);
    return {};
}

/// Shows the observer what one expert would make of all tokens.
template <class Run>
status show_expert(Run& run, const mlp_part& expert, matrix_view<const float> input)
{
    if (!run.observe(expert.from, input)) return {};
    scratch memory{input.rows() * expert.up.count};
    if (!memory) return detail::no_memory("an expert");
    const matrix_view<float> inner{memory.data(), input.rows(), expert.up.count};
    AWQ_CHECK(run_gated(run, expert, input, inner));
    run.observe(expert.inner, inner);
    return {};
}

} // namespace detail

/// Normed input (tokens, hidden) to (tokens, hidden).
template <class Run>
status run_part(Run& run, const experts_part& part, matrix_view<const float> input, matrix_view<float> output)
{
    const std::size_t count = part.experts.size();
    scratch memory{input.rows() * count};
    if (!memory) return detail::no_memory("the router");
    const matrix_view<float> scores{memory.data(), input.rows(), count};
    run.linear(part.router, input, scores);
    const auto routed = run.machine.route(part.rule, run.vector(part.router_bias), scores);
    run.machine.clear(output);
    for (std::size_t e = 0; e < count; ++e) {
        const mlp_part& expert = part.experts[e];
        if (!run.wants(expert.inner) && !run.wants(expert.from)) continue;
        if (run.context.all_experts) AWQ_CHECK(detail::show_expert(run, expert, input));
        if (!routed[e].empty() && !run.stopped)
            AWQ_CHECK(detail::run_expert(run, part, expert, routed[e], input, output));
        for (const linear_rows& layer : {expert.gate, expert.up, expert.down}) run.weights.release(layer.linear);
    }
    return {};
}

} // namespace awq

#endif
