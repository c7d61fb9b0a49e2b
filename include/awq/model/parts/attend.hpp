// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_PARTS_ATTEND_HPP
#define AWQ_MODEL_PARTS_ATTEND_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/scratch.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/model/forward/linear.hpp>
#include <awq/model/forward/norm.hpp>
#include <awq/model/forward/rope.hpp>
#include <awq/model/forward/sequences.hpp>
#include <awq/support/float16.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <vector>

namespace awq {

/// How the heads of a block see each other's tokens.
struct attention_rule {
    std::size_t heads = 1, kv_heads = 1;
    std::size_t head = 0;              ///< size of a query's and key's head
    std::size_t value_head = 0;        ///< of a value's
    std::size_t window = 0;            ///< tokens that are seen, the own one included; 0: all before it
    float scale = 1.0f;                ///< of scores
    float cap = 0.0f;                  ///< scores become cap * tanh(score / cap); 0: they stay
    std::size_t chunk = 0;             ///< tokens see those of their own chunk of this size only; 0: all
    query_growth growth = {};          ///< of queries
    std::span<const float> sinks = {}; ///< (heads) or empty: a score that is dropped after the softmax
    std::vector<float> slopes = {};    ///< of heads: scores grow by slope * position of the key; or none
    float slope_scale = 1.0f;          ///< of that; else than 1: after it is rounded to bfloat16
};

/// How queries or keys are prepared, head by head.
struct head_turn {
    std::size_t head = 0;
    const rope_table* rope = nullptr; ///< null: not turned
    bool pairs = false;               ///< neighbours are turned together, not the two halves
    norm_view norm = {};
    bool has_norm = false;
    bool norm_is_wide = false;  ///< of all heads together
    bool norm_is_after = false; ///< after the rotation
};

namespace detail {

inline error no_memory(const char* what)
{
    return error{error_code::out_of_memory, "no memory for ", what, "; run fewer tokens at a time"};
}

/// The position of every row: row `begin(s) + t` of a sequence stands at `start + t`.
inline std::vector<std::size_t> positions_of(const sequences& batch, std::size_t start)
{
    std::vector<std::size_t> positions(batch.tokens());
    for (std::size_t s = 0; s < batch.count(); ++s)
        for (std::size_t t = 0; t < batch.length(s); ++t) positions[batch.begin(s) + t] = start + t;
    return positions;
}

/// Queries (tokens, heads * head) times what their positions make of them.
template <execution E>
void grow_queries(const E& e, const query_growth& growth, std::span<const std::size_t> positions, matrix_view<float> q)
{
    if (growth.length == 0) return;
    for_each_row(e, q.rows(),
                 [&](std::size_t t) { kernels::simd::scale(growth.at(positions[t]), q.row(t), q.row(t)); });
}

/// The norm of one head; its weight may be another for each head.
inline void norm_head(const norm_view& norm, std::size_t from, std::span<float> values) noexcept
{
    norm_view own = norm;
    if (norm.weight.size() > values.size()) own.weight = norm.weight.subspan(from, values.size());
    norm_row(own, values, values);
}

/// Norm, where there is one, and rotation of every head of q or k, (tokens, heads * head).
template <execution E>
void turn_heads(const E& e, const head_turn& turn, std::span<const std::size_t> positions, matrix_view<float> x)
{
    for_each_row(e, x.rows(), [&](std::size_t row) {
        if (turn.has_norm && turn.norm_is_wide) norm_row(turn.norm, x.row(row), x.row(row));
        const bool by_head = turn.has_norm && !turn.norm_is_wide;
        for (std::size_t from = 0; from < x.cols(); from += turn.head) {
            const auto values = x.row(row).subspan(from, turn.head);
            if (by_head && !turn.norm_is_after) norm_head(turn.norm, from, values);
            if (turn.rope) turn.rope->apply(positions[row], values, turn.pairs);
            if (by_head && turn.norm_is_after) norm_head(turn.norm, from, values);
        }
    });
}

/// What the scores of head `head` for the key at `position` grow by.
inline float key_bias(const attention_rule& rule, std::size_t head, std::size_t position) noexcept
{
    const float bias = rule.slopes[head] * static_cast<float>(position);
    return rule.slope_scale == 1.0f ? bias : rule.slope_scale * static_cast<float>(bf16{bias});
}

/// Scaled scores of head `head` for keys from position `first` on, (queries, keys), and what they grow by.
inline void add_key_biases(const attention_rule& rule, std::size_t head, std::size_t first, matrix_view<float> scores)
{
    for (std::size_t key = 0; key < scores.cols(); ++key) {
        const float bias = key_bias(rule, head, first + key);
        for (std::size_t i = 0; i < scores.rows(); ++i) scores(i, key) = scores(i, key) * rule.scale + bias;
    }
}

/// The first key that a query at position `at` sees.
inline std::size_t first_seen(const attention_rule& rule, std::size_t at) noexcept
{
    const std::size_t begin = rule.window != 0 && at + 1 > rule.window ? at + 1 - rule.window : 0;
    return rule.chunk == 0 ? begin : std::max(begin, at / rule.chunk * rule.chunk);
}

/// A softmax's weights, the greatest of scores `top`, as if a score `sink` had taken part in it: the
/// greatest weight is one over the sum of exp(score - top).
inline void add_sink(std::span<float> weights, float top, float sink) noexcept
{
    const float greatest = *std::ranges::max_element(weights);
    kernels::simd::scale(1.0f / (1.0f + greatest * std::exp(sink - top)), weights, weights);
}

/// Turns scores of queries that start at key `first` into weights: each row's softmax over the keys
/// that it may see, zeros elsewhere. The first column is key `skip`.
inline void causal_softmax(matrix_view<float> scores, std::size_t first, std::size_t skip, std::size_t head,
                           const attention_rule& rule) noexcept
{
    const bool is_scaled = rule.cap > 0.0f || !rule.slopes.empty();
    for (std::size_t i = 0; i < scores.rows(); ++i) {
        const std::size_t end = first + i + 1 - skip, begin = first_seen(rule, first + i) - skip;
        const auto row = scores.row(i);
        const auto seen = row.subspan(begin, end - begin);
        if (rule.cap > 0.0f)
            for (float& score : seen) score = rule.cap * std::tanh(score * rule.scale / rule.cap);
        const float scale = is_scaled ? 1.0f : rule.scale;
        const float top = rule.sinks.empty() ? 0.0f : scale * *std::ranges::max_element(seen);
        kernels::simd::softmax(scale, seen);
        if (!rule.sinks.empty()) add_sink(seen, top, rule.sinks[head]);
        std::ranges::fill(row.first(begin), 0.0f);
        std::ranges::fill(row.subspan(end), 0.0f);
    }
}

/// One head's attention for some neighbouring queries: q (rows, head) starts at key `first`; keys
/// (first + rows, head), values (first + rows, value_head); out (rows, value_head). False: no memory.
template <class Product>
[[nodiscard]] bool attend(const attention_rule& rule, matrix_view<const float> q, matrix_view<const float> keys,
                          matrix_view<const float> values, std::size_t first, std::size_t head, matrix_view<float> out)
{
    const std::size_t skip = first_seen(rule, first);
    const std::size_t count = first + q.rows() - skip;
    scratch memory{q.rows() * count};
    if (!memory) return false;
    const matrix_view<float> scores{memory.data(), q.rows(), count};
    const serial_execution serial;
    Product::multiply_nt(serial, q, keys.rows_from(skip, count), scores);
    if (!rule.slopes.empty()) add_key_biases(rule, head, skip, scores);
    causal_softmax(scores, first, skip, head, rule);
    Product::multiply_nn(serial, scores, values.rows_from(skip, count), out);
    return true;
}

/// Some neighbouring queries of one sequence.
struct query_run {
    std::size_t row; ///< of q and out
    std::size_t rows;
    std::size_t first_key; ///< row of keys and values where the sequence starts
    std::size_t position;  ///< of the first query in the sequence
};

/// Queries are cut so that the scores of one task, run x keys, stay in the second-level cache.
inline std::vector<query_run> query_runs(const sequences& batch, std::size_t start)
{
    std::vector<query_run> runs;
    for (std::size_t s = 0; s < batch.count(); ++s) {
        const std::size_t length = batch.length(s);
        const std::size_t grain = start + length > 1024 ? 64 : 128;
        for (std::size_t t = 0; t < length; t += grain)
            runs.push_back({batch.begin(s) + t, std::min(grain, length - t), batch.begin(s), start + t});
    }
    return runs;
}

} // namespace detail

/// All heads of all sequences: q (tokens, heads * head), k (keys, kv_heads * head), v (keys,
/// kv_heads * value_head) and out (tokens, heads * value_head), which may be q where heads and value
/// heads are of one size: each query's output takes its place, and nothing else reads it. The first
/// query stands at position `start`, and so do `start` keys before it.
template <class Product, execution E>
[[nodiscard]] status attend_all(const E& e, const attention_rule& rule, const sequences& batch, std::size_t start,
                                matrix_view<const float> q, matrix_view<const float> k, matrix_view<const float> v,
                                matrix_view<float> out)
{
    const std::size_t share = rule.heads / rule.kv_heads;
    const std::vector<detail::query_run> runs = detail::query_runs(batch, start);
    std::atomic<bool> complete{true};
    e.for_each(runs.size() * rule.heads, [&](std::size_t task) {
        const detail::query_run& run = runs[task / rule.heads];
        const std::size_t h = task % rule.heads;
        const std::size_t keys = run.position + run.rows;
        const auto part = [](auto x, std::size_t row, std::size_t rows, std::size_t index, std::size_t width) {
            return x.rows_from(row, rows).cols_from(index * width, width);
        };
        if (!detail::attend<Product>(rule, part(q, run.row, run.rows, h, rule.head),
                                     part(k, run.first_key, keys, h / share, rule.head),
                                     part(v, run.first_key, keys, h / share, rule.value_head), run.position, h,
                                     part(out, run.row, run.rows, h, rule.value_head)))
            complete = false;
    });
    return complete ? status{} : status{detail::no_memory("attention scores")};
}

} // namespace awq

#endif
