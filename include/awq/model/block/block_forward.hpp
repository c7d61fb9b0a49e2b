// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_BLOCK_BLOCK_FORWARD_HPP
#define AWQ_MODEL_BLOCK_BLOCK_FORWARD_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/device.hpp>
#include <awq/device/no_memory.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/model/block/block_weights.hpp>
#include <awq/model/forward/observer.hpp>
#include <awq/model/kv_cache.hpp>
#include <awq/model/model_config.hpp>

#include <cstddef>
#include <span>
#include <variant>

namespace awq {

/// What a block needs to know beside its weights.
struct block_context {
    const model_config& config;
    const rope_table& rope; ///< at least as long as the longest sequence
    std::size_t layer = 0;
    bool all_experts = false; ///< the observer sees what each expert would make of all tokens
};

/// A pass through some parts of a block; the parts are given this.
struct AWQ_ABI_TAG block_run {
    device& machine;
    const block_context& context;
    const block_weights& weights;
    const sequences& batch;
    observer_ref observer;
    kv_cache* cache = nullptr;   ///< of the one sequence, with its past; or null
    value_id wanted = none_here; ///< the pass stops at this value, and computes nothing for others
    bool stopped = false;

    const block_layout& layout() const noexcept { return *weights.layout; }
    /// Position of a sequence's first row.
    std::size_t start() const noexcept { return cache ? cache->length() : 0; }

    /// All elements of a tensor, row after row; empty where there is none.
    std::span<const float> vector(std::size_t tensor) const noexcept
    {
        if (tensor == none_here) return {};
        return {weights.tensors[tensor].data(), weights.tensors[tensor].size()};
    }

    /// output = input weight^T + bias for some rows of a linear layer.
    void linear(const linear_rows& rows, matrix_view<const float> input, matrix_view<float> output) const
    {
        const block_linear& from = layout().linears[rows.linear];
        const std::span<const float> bias = vector(from.bias);
        machine.linear({weights.tensors[from.weight].rows_from(rows.first, rows.count),
                        bias.empty() ? bias : bias.subspan(rows.first, rows.count)},
                       input, output);
    }

    bool wants(value_id value) const noexcept { return wanted == none_here || wanted == value; }

    /// Shows a value that linear layers read; false where the pass ends here.
    bool observe(value_id value, matrix_view<const float> x)
    {
        const std::size_t input = layout().input_of(value);
        if (input != none_here && wants(value)) observer(layout().inputs[input].name, x);
        stopped = value == wanted;
        return !stopped;
    }
};

/// Runs parts [first, end) in place: hidden (tokens, hidden_size).
inline status run_parts(block_run& run, block_segment parts, matrix_view<float> hidden)
{
    const block_layout& layout = run.layout();
    scratch memory{layout.slot_count() * hidden.size()};
    if (!memory) return detail::no_memory("a decoder block");
    const auto at = [&](value_id value) {
        if (value == hidden_state) return hidden;
        float* const begin = memory.data() + layout.slots[value] * hidden.size();
        return matrix_view<float>{begin, hidden.rows(), hidden.cols()};
    };
    for (std::size_t i = parts.first; i < parts.end; ++i) {
        const auto [from, to] = ends_of(layout.parts[i]);
        const matrix_view<float> input = at(from), output = at(to);
        AWQ_CHECK(std::visit([&](const auto& part) { return run_part(run, part, input, output); }, layout.parts[i]));
        if (run.stopped || (to != hidden_state && !run.observe(to, output))) return {};
    }
    return {};
}

/// One part alone, as if nothing else were in the block: input and output (tokens, hidden_size).
inline status part_forward(device& machine, const block_context& context, const block_weights& block,
                           const sequences& batch, std::size_t part, matrix_view<const float> input,
                           matrix_view<float> output)
{
    const block_context alone{context.config, context.rope, context.layer};
    block_run run{machine, alone, block, batch, {}};
    return std::visit([&](const auto& each) { return run_part(run, each, input, output); }, block.layout->parts[part]);
}

/// One decoder block, in place: hidden (tokens, hidden). The observer sees the values that linear
/// layers read; see `observer_ref`.
inline status decoder_block_forward(device& machine, const block_context& context, const block_weights& block,
                                    const sequences& batch, matrix_view<float> hidden, observer_ref observer = {})
{
    block_run run{machine, context, block, batch, observer};
    return run_parts(run, {0, block.layout->parts.size()}, hidden);
}

/// The same for the next tokens of the sequence whose past is in `cache`; their keys and values are
/// written behind it. `cache.advance` is the caller's, after the last layer.
inline status decoder_block_forward(device& machine, const block_context& context, const block_weights& block,
                                    kv_cache& cache, matrix_view<float> hidden)
{
    const sequences batch = sequences::uniform(1, hidden.rows());
    block_run run{machine, context, block, batch, {}, &cache};
    return run_parts(run, {0, block.layout->parts.size()}, hidden);
}

} // namespace awq

#endif
