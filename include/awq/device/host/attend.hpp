// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_ATTEND_HPP
#define AWQ_DEVICE_HOST_ATTEND_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/forward/attention_rule.hpp>
#include <awq/device/forward/sequences.hpp>
#include <awq/device/host/running_softmax.hpp>
#include <awq/device/no_memory.hpp>
#include <awq/execution/kernels/xsimd.hpp>
#include <awq/execution/precision.hpp>
#include <awq/execution/scratch.hpp>
#include <awq/execution/serial_execution.hpp>
#include <awq/support/float16.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <vector>

namespace awq {

namespace detail {

/// What the scores of head `head` for the key at `position` grow by.
inline float key_bias(const attention_rule& rule, std::size_t head, std::size_t position) noexcept
{
    const float bias = rule.slopes[head] * static_cast<float>(position);
    return rule.slope_scale == 1.0f ? bias : rule.slope_scale * static_cast<float>(bf16{bias});
}

/// Products of queries and keys from position `first` on to scores; gives the factor that is left to do.
inline float bend_scores(const attention_rule& rule, std::size_t head, std::size_t first, std::span<float> scores)
{
    if (!rule.slopes.empty())
        for (std::size_t i = 0; i < scores.size(); ++i)
            scores[i] = scores[i] * rule.scale + key_bias(rule, head, first + i);
    if (rule.cap > 0.0f)
        for (float& score : scores) score = rule.cap * std::tanh(score * rule.scale / rule.cap);
    return rule.cap > 0.0f || !rule.slopes.empty() ? 1.0f : rule.scale;
}

/// The first key that a query at position `at` sees.
inline std::size_t first_seen(const attention_rule& rule, std::size_t at) noexcept
{
    const std::size_t begin = rule.window != 0 && at + 1 > rule.window ? at + 1 - rule.window : 0;
    return rule.chunk == 0 ? begin : std::max(begin, at / rule.chunk * rule.chunk);
}

/// Some neighbouring queries of one sequence.
struct query_run {
    std::size_t row; ///< of q and out
    std::size_t rows;
    std::size_t first_key; ///< row of keys and values where the sequence starts
    std::size_t position;  ///< of the first query in the sequence
};

/// Queries are cut so that a run's rows, `sharing` heads of each, and their scores stay in the second-level cache.
inline std::vector<query_run> query_runs(const sequences& batch, std::size_t start, std::size_t sharing)
{
    const std::size_t grain = std::clamp<std::size_t>(512 / sharing, 1, 128);
    std::vector<query_run> runs;
    for (std::size_t s = 0; s < batch.count(); ++s) {
        const std::size_t length = batch.length(s);
        for (std::size_t t = 0; t < length; t += grain)
            runs.push_back({batch.begin(s) + t, std::min(grain, length - t), batch.begin(s), start + t});
    }
    return runs;
}

/// The attention of a run's queries, for all heads that share keys and values, tile by tile of the keys: scores of
/// one tile are all that there ever are (Dao et al. 2022, FlashAttention). Tiles begin at fixed positions, so what a
/// query gets does not depend on which others are in its run.
template <class Product, execution E>
class run_attention {
public:
    /// `first_head`: of those that share.
    run_attention(const E& how, const attention_rule& rule, const query_run& run, std::size_t first_head)
        : how_(how), rule_(rule), run_(run), first_head_(first_head), rows_(rule.heads / rule.kv_heads * run.rows),
          memory_(rows_ * (rule.head + keys_at_once + 2 * rule.value_head)), softmaxes_(rows_)
    {}

    /// q (run, heads * head), keys and values from the sequence's first on, out (run, heads * value_head) of the heads
    /// that share. False: no memory.
    [[nodiscard]] bool operator()(matrix_view<const float> q, matrix_view<const float> keys,
                                  matrix_view<const float> values, matrix_view<float> out)
    {
        if (!memory_) return false;
        for (std::size_t row = 0; row < rows_; ++row)
            std::ranges::copy(q.row(row % run_.rows).subspan(row / run_.rows * rule_.head, rule_.head),
                              queries().row(row).begin());
        const std::size_t end = run_.position + run_.rows;
        std::size_t first = first_seen(rule_, run_.position) / 32 * 32; // kernels take 32 at a time
        for (bool is_first = true; first < end; is_first = false) {
            const std::size_t count = std::min(end, (first / keys_at_once + 1) * keys_at_once) - first;
            add_tile(keys.rows_from(first, count), values.rows_from(first, count), first, is_first);
            first += count;
        }
        for (std::size_t row = 0; row < rows_; ++row) finish(row, out);
        return true;
    }

private:
    static constexpr std::size_t keys_at_once = 256;

    matrix_view<float> queries() const noexcept { return {memory_.data(), rows_, rule_.head}; }
    matrix_view<float> mixed() const noexcept { return {queries().data() + queries().size(), rows_, rule_.value_head}; }
    float* tile_memory() const noexcept { return mixed().data() + mixed().size(); }
    std::size_t head_of(std::size_t row) const noexcept { return first_head_ + row / run_.rows; }

    /// mixed += weights of the tile's scores times its values, both by the greatest score so far.
    void add_tile(matrix_view<const float> keys, matrix_view<const float> values, std::size_t first, bool is_first)
    {
        const matrix_view<float> scores{tile_memory(), rows_, keys.rows()};
        const matrix_view<float> part{scores.data() + scores.size(), rows_, rule_.value_head};
        Product::multiply_nt(how_, queries(), keys, scores);
        for (std::size_t row = 0; row < rows_; ++row) {
            const float shrinking = weigh(row, first, scores.row(row));
            if (!is_first && shrinking < 1.0f) kernels::simd::scale(shrinking, mixed().row(row), mixed().row(row));
        }
        Product::multiply_nn(how_, scores, values, is_first ? mixed() : part);
        if (is_first) return;
        for (std::size_t row = 0; row < rows_; ++row) kernels::simd::add(part.row(row), mixed().row(row));
    }

    /// Scores of keys from position `first` on to weights, zero for keys that are not seen; what the weights before
    /// must be multiplied with.
    float weigh(std::size_t row, std::size_t first, std::span<float> scores)
    {
        const std::size_t at = run_.position + row % run_.rows;
        const std::size_t end = std::clamp(at + 1, first, first + scores.size()) - first;
        const std::size_t begin = std::clamp(first_seen(rule_, at), first, first + end) - first;
        std::ranges::fill(scores.first(begin), 0.0f);
        std::ranges::fill(scores.subspan(end), 0.0f);
        if (begin == end) return 1.0f;
        const auto seen = scores.subspan(begin, end - begin);
        return softmaxes_[row].add(bend_scores(rule_, head_of(row), first + begin, seen), seen);
    }

    void finish(std::size_t row, matrix_view<float> out)
    {
        if (!rule_.sinks.empty()) softmaxes_[row].add(rule_.sinks[head_of(row)]);
        const auto to = out.row(row % run_.rows).subspan(row / run_.rows * rule_.value_head, rule_.value_head);
        kernels::simd::scale(1.0f / softmaxes_[row].sum(), mixed().row(row), to);
    }

    const E& how_;
    const attention_rule& rule_;
    const query_run& run_;
    std::size_t first_head_, rows_;
    scratch memory_;
    std::vector<running_softmax> softmaxes_; ///< of the rows
};

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
    const std::vector<detail::query_run> runs = detail::query_runs(batch, start, share);
    const auto serial = with_precision(serial_execution{}, operands_of(e));
    std::atomic<bool> complete{true};
    e.for_each(runs.size() * rule.kv_heads, [&](std::size_t task) {
        const detail::query_run& run = runs[task / rule.kv_heads];
        const std::size_t h = task % rule.kv_heads;
        const std::size_t keys = run.position + run.rows;
        const auto part = [h](auto x, std::size_t row, std::size_t rows, std::size_t width) {
            return x.rows_from(row, rows).cols_from(h * width, width);
        };
        detail::run_attention<Product, serial_execution> attend{serial, rule, run, h * share};
        if (!attend(part(q, run.row, run.rows, share * rule.head), part(k, run.first_key, keys, rule.head),
                    part(v, run.first_key, keys, rule.value_head),
                    part(out, run.row, run.rows, share * rule.value_head)))
            complete = false;
    });
    return complete ? status{} : status{detail::no_memory("attention scores")};
}

} // namespace awq

#endif
