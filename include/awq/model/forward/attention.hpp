// SPDX-License-Identifier: MIT
#ifndef AWQ_MODEL_FORWARD_ATTENTION_HPP
#define AWQ_MODEL_FORWARD_ATTENTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/scratch.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/model/block_weights.hpp>
#include <awq/model/forward/linear.hpp>
#include <awq/model/forward/observer.hpp>
#include <awq/model/forward/rope.hpp>
#include <awq/model/forward/sequences.hpp>
#include <awq/model/kv_cache.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <vector>

namespace awq {

/// What a block needs to know beside its weights.
struct block_context {
    const model_config& config;
    const rope_table& rope; ///< at least as long as the longest sequence
    std::size_t layer = 0;
};

namespace detail {

inline error no_memory(const char* what)
{
    return error{error_code::out_of_memory, "no memory for ", what,
                 "; run fewer tokens at a time"};
}

/// Norm, where there is one, and rotation of every head of q or k, (tokens, heads * head_dim). Row
/// `first + t` of a sequence stands at position `start + t`.
template <execution E>
void turn_heads(const E& e, const block_context& context, std::span<const float> norm,
                const sequences& batch, std::size_t start, matrix_view<float> x)
{
    const std::size_t head = context.config.head_size();
    const norm_rule rule = context.config.norm();
    std::vector<std::size_t> positions(x.rows());
    for (std::size_t s = 0; s < batch.count(); ++s)
        for (std::size_t t = 0; t < batch.length(s); ++t) positions[batch.begin(s) + t] = start + t;
    for_each_row(e, x.rows(), [&](std::size_t row) {
        for (std::size_t from = 0; from < x.cols(); from += head) {
            const auto values = x.row(row).subspan(from, head);
            if (!norm.empty())
                kernels::simd::rms_norm(values, norm, rule.eps, values, rule.offset);
            context.rope.apply(positions[row], values);
        }
    });
}

/// Turns scores of queries that start at key `first` into weights: each row's softmax over the keys
/// that it may see, zeros elsewhere.
inline void causal_softmax(matrix_view<float> scores, std::size_t first, std::size_t window,
                           float scale) noexcept
{
    for (std::size_t i = 0; i < scores.rows(); ++i) {
        const std::size_t end = first + i + 1;
        const std::size_t begin = window != 0 && end > window ? end - window : 0;
        const auto row = scores.row(i);
        kernels::simd::softmax(scale, row.subspan(begin, end - begin));
        std::ranges::fill(row.first(begin), 0.0f);
        std::ranges::fill(row.subspan(end), 0.0f);
    }
}

/// One head's attention for some neighbouring queries: q (rows, head_dim) starts at key `first`;
/// keys and values (first + rows, head_dim); out (rows, head_dim). False: no memory.
template <class Product>
[[nodiscard]] bool attend(matrix_view<const float> q, matrix_view<const float> keys,
                          matrix_view<const float> values, std::size_t first, std::size_t window,
                          float scale, matrix_view<float> out)
{
    const std::size_t skip = window != 0 && first + 1 > window ? first + 1 - window : 0;
    const std::size_t count = first + q.rows() - skip;
    scratch memory{q.rows() * count};
    if (!memory) return false;
    const matrix_view<float> scores{memory.data(), q.rows(), count};
    const serial_execution serial;
    Product::multiply_nt(serial, q, keys.rows_from(skip, count), scores);
    causal_softmax(scores, first - skip, window, scale);
    Product::multiply_nn(serial, scores, values.rows_from(skip, count), out);
    return true;
}

/// Some neighbouring queries of one sequence.
struct query_run {
    std::size_t row;       ///< of q and out
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
            runs.push_back({batch.begin(s) + t, std::min(grain, length - t), batch.begin(s),
                            start + t});
    }
    return runs;
}

/// All heads of all sequences: q and out (tokens, heads * head_dim), k and v (keys, kv_size).
template <class Product, execution E>
[[nodiscard]] status attend_all(const E& e, const block_context& context, const sequences& batch,
                                std::size_t start, matrix_view<const float> q,
                                matrix_view<const float> k, matrix_view<const float> v,
                                matrix_view<float> out)
{
    const std::size_t head = context.config.head_size();
    const std::size_t heads = context.config.num_attention_heads;
    const std::size_t share = heads / context.config.kv_heads();
    const std::size_t window = context.config.window_of(context.layer);
    const float scale = context.config.attention_scale();
    const std::vector<query_run> runs = query_runs(batch, start);
    std::atomic<bool> complete{true};
    e.for_each(runs.size() * heads, [&](std::size_t task) {
        const query_run& run = runs[task / heads];
        const std::size_t h = task % heads;
        const std::size_t keys = run.position + run.rows;
        const auto part = [&](auto x, std::size_t row, std::size_t rows, std::size_t index) {
            return x.rows_from(row, rows).cols_from(index * head, head);
        };
        if (!attend<Product>(part(q, run.row, run.rows, h), part(k, run.first_key, keys, h / share),
                             part(v, run.first_key, keys, h / share), run.position, window,
                             scale, part(out, run.row, run.rows, h)))
            complete = false;
    });
    return complete ? status{} : status{no_memory("attention scores")};
}

/// `width`: of the rows that are written.
inline status check_rows(const block_context& context, const sequences& batch, std::size_t start,
                         matrix_view<const float> input, matrix_view<const float> output,
                         std::size_t width)
{
    const std::size_t hidden = context.config.hidden_size;
    if (input.rows() != batch.tokens() || output.rows() != input.rows() || input.cols() != hidden ||
        output.cols() != width)
        return error{error_code::shape_mismatch, "attention of ", batch.tokens(), " tokens of size ",
                     hidden, " got an input of ", input.rows(), " x ", input.cols(),
                     " and an output of ", output.rows(), " x ", output.cols()};
    if (start + batch.longest() > context.rope.length())
        return error{error_code::invalid_argument, "attention: position ",
                     start + batch.longest() - 1, " is beyond the rotary table of ",
                     context.rope.length(), " positions"};
    return {};
}

} // namespace detail

/// What o_proj reads: normed input (tokens, hidden) to (tokens, heads * head_dim). Sequences do not
/// see each other.
///
/// Working memory is 2 * kv_heads * head_dim floats a token: for long calibration sets, call it with
/// some thousand tokens at a time.
template <class Product, execution E>
status attention_inner_forward(const E& e, const block_context& context,
                               const attention_weights& weights, const sequences& batch,
                               matrix_view<const float> input, matrix_view<float> mixed)
{
    AWQ_CHECK(detail::check_rows(context, batch, 0, input, mixed, context.config.query_size()));
    const std::size_t tokens = input.rows();
    const std::size_t narrow = context.config.kv_size();
    scratch memory{tokens * 2 * narrow};
    if (!memory) return detail::no_memory("attention");
    const matrix_view<float> k{memory.data(), tokens, narrow};
    const matrix_view<float> v{k.data() + k.size(), tokens, narrow};
    linear_forward<Product>(e, weights.q_proj, input, mixed);
    linear_forward<Product>(e, weights.k_proj, input, k);
    linear_forward<Product>(e, weights.v_proj, input, v);
    detail::turn_heads(e, context, weights.q_norm, batch, 0, mixed);
    detail::turn_heads(e, context, weights.k_norm, batch, 0, k);
    // Each query's output takes its place: nothing else reads it.
    return detail::attend_all<Product>(e, context, batch, 0, mixed, k, v, mixed);
}

/// `self_attn`: normed input (tokens, hidden) to the output of o_proj, (tokens, hidden). Sequences
/// do not see each other. The observer sees the inputs of q_proj and o_proj.
///
/// Working memory is (heads + 2 * kv_heads) * head_dim floats a token.
template <class Product, execution E, class Observer = no_observer>
status attention_forward(const E& e, const block_context& context, const attention_weights& weights,
                         const sequences& batch, matrix_view<const float> input,
                         matrix_view<float> output, const Observer& observer = {})
{
    AWQ_CHECK(detail::check_rows(context, batch, 0, input, output, context.config.hidden_size));
    scratch memory{input.rows() * context.config.query_size()};
    if (!memory) return detail::no_memory("attention");
    const matrix_view<float> mixed{memory.data(), input.rows(), context.config.query_size()};
    observer("self_attn.q_proj", input);
    AWQ_CHECK(attention_inner_forward<Product>(e, context, weights, batch, input, mixed));
    observer("self_attn.o_proj", matrix_view<const float>{mixed});
    linear_forward<Product>(e, weights.o_proj, mixed, output);
    return {};
}

/// The same for the next tokens of the sequence whose past is in `cache`; their keys and values are
/// written behind it. `cache.advance` is the caller's, after the last layer.
template <class Product, execution E>
status attention_forward(const E& e, const block_context& context, const attention_weights& weights,
                         kv_cache& cache, matrix_view<const float> input, matrix_view<float> output)
{
    const std::size_t tokens = input.rows();
    const std::size_t past = cache.length();
    const sequences batch = sequences::uniform(1, tokens);
    AWQ_CHECK(detail::check_rows(context, batch, past, input, output, context.config.hidden_size));
    if (tokens > cache.capacity() - past)
        return error{error_code::invalid_argument, "the key/value cache has room for ",
                     cache.capacity(), " tokens; it holds ", past, " and got ", tokens, " more"};
    const std::size_t wide = context.config.query_size();
    scratch memory{tokens * 2 * wide};
    if (!memory) return detail::no_memory("attention");
    const matrix_view<float> q{memory.data(), tokens, wide};
    const matrix_view<float> mixed{q.data() + q.size(), tokens, wide};
    const auto k = cache.keys(context.layer).rows_from(past, tokens);
    const auto v = cache.values(context.layer).rows_from(past, tokens);
    linear_forward<Product>(e, weights.q_proj, input, q);
    linear_forward<Product>(e, weights.k_proj, input, k);
    linear_forward<Product>(e, weights.v_proj, input, v);
    detail::turn_heads(e, context, weights.q_norm, batch, past, q);
    detail::turn_heads(e, context, weights.k_norm, batch, past, k);
    AWQ_CHECK(detail::attend_all<Product>(e, context, batch, past, q, cache.keys(context.layer),
                                          cache.values(context.layer), mixed));
    linear_forward<Product>(e, weights.o_proj, mixed, output);
    return {};
}

} // namespace awq

#endif
