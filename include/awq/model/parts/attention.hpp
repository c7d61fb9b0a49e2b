// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_PARTS_ATTENTION_HPP
#define AWQ_MODEL_PARTS_ATTENTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/attention_rule.hpp>
#include <awq/device/forward/head_turn.hpp>
#include <awq/device/forward/norm_view.hpp>
#include <awq/device/forward/sequences.hpp>
#include <awq/device/no_memory.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/model/block/block_linear.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace awq {

/// Norm of queries and keys, and when.
enum class query_key_norm : unsigned char {
    none,
    per_head,     ///< of each head, before the rotation
    whole,        ///< of all heads together, before the rotation
    after_rotary, ///< of each head, after it
};

/// Self-attention with any number of key and value heads (Ainslie et al. 2023). The mixed values are
/// what the last layer reads.
struct attention_part {
    value_id from = hidden_state, mixed = hidden_state, to = hidden_state;
    linear_rows q, k, v, o;
    attention_rule rule;
    bool turns = true; ///< queries and keys have a rotary embedding
    bool pairs = false;
    query_key_norm norm = query_key_norm::none;
    norm_rule norm_how;
    std::size_t q_norm = none_here, k_norm = none_here; ///< tensors, or the first of as many as heads
    bool norm_by_head = false;                          ///< each head has a tensor of its own
    float limit = 0.0f;            ///< queries, keys and values are clamped between it and -it; 0: not
    bool by_group = false;         ///< q, k and v are one layer: of each key head its queries, k and v
    std::size_t sinks = none_here; ///< tensor
    linear_rows gate;              ///< its sigmoid is a factor of what is mixed
    float value_factor = 1.0f;     ///< and so is this
};

namespace detail {

/// Where keys and values of a call live: beside those of earlier calls, or in memory of its own.
struct key_values {
    matrix_view<float> k, v;         ///< of this call's tokens
    matrix_view<float> all_k, all_v; ///< and of all before them
};

/// `k_width` and `v_width` floats for each token, in `memory` where there is no cache.
template <class Run>
result<key_values> make_key_values(Run& run, std::size_t tokens, std::size_t k_width, std::size_t v_width,
                                   float* memory)
{
    if (!run.cache) {
        const matrix_view<float> k{memory, tokens, k_width};
        const matrix_view<float> v{memory + k.size(), tokens, v_width};
        return key_values{k, v, k, v};
    }
    const std::size_t past = run.cache->length(), layer = run.context.layer;
    if (tokens > run.cache->capacity() - past)
        return error{error_code::invalid_argument,
                     "the key/value cache has room for ",
                     run.cache->capacity(),
                     " tokens; it holds ",
                     past,
                     " and got ",
                     tokens,
                     " more"};
    const auto k = run.cache->keys(layer), v = run.cache->values(layer);
    return key_values{k.rows_from(past, tokens), v.rows_from(past, tokens), k, v};
}

template <class Run>
status check_rows(const Run& run, matrix_view<const float> input, matrix_view<const float> output)
{
    if (input.rows() != run.batch.tokens() || output.rows() != input.rows())
        return error{error_code::shape_mismatch,
                     "attention of ",
                     run.batch.tokens(),
                     " tokens got an input of ",
                     input.rows(),
                     " x ",
                     input.cols(),
                     " and an output of ",
                     output.rows(),
                     " x ",
                     output.cols()};
    const std::size_t end = run.start() + run.batch.longest();
    if (end <= run.context.rope.length()) return {};
    return error{error_code::invalid_argument,      "attention: position ",    end - 1,
                 " is beyond the rotary table of ", run.context.rope.length(), " positions"};
}

template <class Run>
head_turn turn_of(const Run& run, const attention_part& part, std::span<const float> weight)
{
    return {part.rule.head,
            part.turns ? &run.context.rope : nullptr,
            part.pairs,
            {weight, {}, part.norm_how},
            part.norm != query_key_norm::none,
            part.norm == query_key_norm::whole,
            part.norm == query_key_norm::after_rotary};
}

/// Norms and turns queries or keys, (tokens, heads * head), with the norm's tensor `weight`.
template <class Run>
void turn(const Run& run, const attention_part& part, std::size_t weight, std::span<const std::size_t> positions,
          matrix_view<float> x)
{
    std::vector<float> joined; // of heads that have tensors of their own
    for (std::size_t h = 0; part.norm_by_head && h * part.rule.head < x.cols(); ++h) {
        const auto own = run.vector(weight + h);
        joined.insert(joined.end(), own.begin(), own.end());
    }
    run.machine.turn_heads(turn_of(run, part, joined.empty() ? run.vector(weight) : joined), positions, x);
}

/// Queries (tokens, heads * head) times what their positions make of them.
template <class Run>
void grow_queries(const Run& run, const query_growth& growth, std::span<const std::size_t> positions,
                  matrix_view<float> q)
{
    if (growth.length == 0) return;
    std::vector<float> factors;
    for (const std::size_t position : positions) factors.push_back(growth.at(position));
    run.machine.scale_rows(factors, q);
}

/// Queries, keys and values of one layer that has them head by head.
template <class Run>
status project_groups(const Run& run, const attention_part& part, matrix_view<const float> input, matrix_view<float> q,
                      const key_values& kv)
{
    const std::size_t head = part.rule.head, share = part.rule.heads / part.rule.kv_heads;
    const std::size_t group = (share + 2) * head, width = part.rule.kv_heads * group;
    scratch memory{input.rows() * width};
    if (!memory) return no_memory("attention");
    const matrix_view<float> all{memory.data(), input.rows(), width};
    run.linear({part.q.linear, 0, width}, input, all);
    const auto copy = [&](std::size_t first, std::size_t heads, matrix_view<float> into) {
        const matrix_view<const float> from = all.cols_from(first * head, width - first * head);
        run.machine.copy_columns({heads * head, part.rule.kv_heads, group, heads * head}, from, into);
    };
    copy(0, share, q);
    copy(share, 1, kv.k);
    copy(share + 1, 1, kv.v);
    return {};
}

/// mixed *= sigmoid(gate(input)).
template <class Run>
status gate_mixed(Run& run, const linear_rows& gate, matrix_view<const float> input, matrix_view<float> mixed)
{
    scratch memory{mixed.size()};
    if (!memory) return no_memory("attention");
    const matrix_view<float> shares{memory.data(), mixed.rows(), mixed.cols()};
    run.linear(gate, input, shares);
    run.machine.gate_rows(shares, mixed);
    return {};
}

} // namespace detail

/// Normed input (tokens, hidden) to the output of the last layer, (tokens, hidden). Sequences do not
/// see each other; with a cache there is one, which goes on. Working memory is
/// (heads + 2 * kv_heads) * head floats a token.
template <class Run>
status run_part(Run& run, const attention_part& part, matrix_view<const float> input, matrix_view<float> output)
{
    AWQ_CHECK(detail::check_rows(run, input, output));
    const std::size_t tokens = input.rows();
    const std::size_t wide = part.q.count, narrow = part.k.count;
    const std::size_t mixed_width = part.rule.heads * part.rule.value_head;
    const std::size_t own = wide == mixed_width ? 0 : tokens * mixed_width;
    scratch queries{tokens * wide}, other{own}, memory{run.cache ? 0 : tokens * (narrow + part.v.count)};
    if (!queries || !other || !memory) return detail::no_memory("attention");
    const matrix_view<float> q{queries.data(), tokens, wide};
    const matrix_view<float> mixed{own ? other.data() : q.data(), tokens, mixed_width};
    AWQ_TRY(const detail::key_values kv, detail::make_key_values(run, tokens, narrow, part.v.count, memory.data()));
    if (part.by_group) {
        AWQ_CHECK(detail::project_groups(run, part, input, q, kv));
    } else {
        run.linear(part.q, input, q);
        run.linear(part.k, input, kv.k);
        run.linear(part.v, input, kv.v);
    }
    if (part.limit > 0.0f)
        for (const matrix_view<float> each : {q, kv.k, kv.v}) run.machine.clamp(part.limit, each);
    const auto positions = detail::positions_of(run.batch, run.start());
    detail::turn(run, part, part.q_norm, positions, q);
    detail::turn(run, part, part.k_norm, positions, kv.k);
    detail::grow_queries(run, part.rule.growth, positions, q);
    attention_rule rule = part.rule;
    rule.sinks = run.vector(part.sinks);
    AWQ_CHECK(run.machine.attend(rule, run.batch, run.start(), q, kv.all_k, kv.all_v, mixed));
    if (part.value_factor != 1.0f) run.machine.scale_rows(std::vector<float>(tokens, part.value_factor), mixed);
    if (part.gate) AWQ_CHECK(detail::gate_mixed(run, part.gate, input, mixed));
    if (!run.observe(part.mixed, mixed)) return {};
    run.linear(part.o, mixed, output);
    return {};
}

} // namespace awq

#endif
