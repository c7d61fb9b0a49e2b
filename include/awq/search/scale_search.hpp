// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_SCALE_SEARCH_HPP
#define AWQ_SEARCH_SCALE_SEARCH_HPP

#include <awq/execution/widen.hpp>
#include <awq/quantization/pseudo_quantize.hpp>
#include <awq/search/candidate_share.hpp>
#include <awq/search/ordered_sum.hpp>
#include <awq/search/row_sample.hpp>
#include <awq/search/scale_grid.hpp>
#include <awq/search/search_options.hpp>
#include <awq/search/search_outcome.hpp>
#include <awq/search/search_problem.hpp>
#include <awq/search/weight_mean.hpp>
#include <awq/tensor/workspace.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

namespace awq {

/// A loss over candidate weights Q(W s)/s, in the order of the problem's layers: what is lost when
/// they take the place of the original weights, the same inputs given. Smaller is better. A loss that
/// looks at some rows only has a `sample_of(rows)`, a `row_sample`: only these are then made.
template <class Loss>
concept candidate_loss = requires(Loss& loss, std::span<const matrix_view<const float>> weights)
{
    {
        loss(weights)
        } -> std::convertible_to<double>;
};

namespace detail {

/// Makes candidates one after another in the same memory. `Storage`: a dtype, or a `storage_rounding`.
template <execution E, quantizer Q, class T, class Storage>
class AWQ_ABI_TAG candidate_maker {
public:
    candidate_maker(const E& how, const search_problem<Q, T>& problem, Storage storage)
        : how_(how), problem_(problem), storage_(storage)
    {}

    status prepare(workspace& memory, bool needs_w_mean)
    {
        const std::size_t columns = problem_.in_features(), scales = problem_.scales();
        x_mean_ = memory.take<float>(scales);
        scales_ = memory.take<double>(scales);
        best_scales_ = memory.take<double>(scales);
        column_scales_ = memory.take<sum_type>(columns);
        importance_ = memory.take<float>(columns);
        w_mean_ = memory.take<double>(scales);
        const std::span<double> magnitudes = memory.take<double>(columns);
        views_ = memory.take<matrix_view<const float>>(problem_.layers.size());
        outputs_ = memory.take<matrix_view<float>>(problem_.layers.size());
        if (magnitudes.empty() || outputs_.empty()) return too_small();
        for (std::size_t i = 0; i < views_.size(); ++i) AWQ_CHECK(prepare_layer(memory, i));
        reduce_to_scales([&](std::size_t c) { return problem_.x_mean[c]; }, x_mean_);
        if (needs_w_mean) fill_w_mean(magnitudes);
        return {};
    }

    /// The candidate's weights, the rows of `sample_of` each; empty where a scale is not usable or
    /// cannot be stored.
    template <class Sample>
    std::span<const matrix_view<const float>> make(const scale_candidate& candidate, const Sample& sample_of)
    {
        if (!compute_scales(candidate, x_mean_, w_mean_, scales_)) return {};
        const bool identity = candidate.ratio == 0.0 && !candidate.duo_scaling;
        if (!identity && !problem_.can_store(scales_)) return {};
        for (std::size_t c = 0; c < column_scales_.size(); ++c)
            column_scales_[c] = static_cast<sum_type>(scales_[problem_.scale_of(c)]);
        for (std::size_t i = 0; i < views_.size(); ++i)
            if (problem_.layers[i].rounding != nullptr) make_layer(i, sample_of(problem_.layers[i].weight.rows()));
        return views_;
    }

    std::span<const double> best_scales(const scale_candidate& candidate)
    {
        compute_scales(candidate, x_mean_, w_mean_, best_scales_);
        return best_scales_;
    }

    static error too_small()
    {
        return error{error_code::workspace_too_small,
                     "scale search: give as many floats as search_workspace_size says"};
    }

private:
    status prepare_layer(workspace& memory, std::size_t index)
    {
        const auto& layer = problem_.layers[index];
        if constexpr (std::is_same_v<T, float>) views_[index] = layer.weight;
        if (!layer.is_copied() || layer.weight.empty()) return {};
        const std::span<float> space = memory.take<float>(layer.weight.size());
        if (space.empty()) return too_small();
        outputs_[index] = {space.data(), layer.weight.rows(), layer.weight.cols()};
        views_[index] = outputs_[index];
        if (layer.rounding == nullptr) widen(how_, layer.weight, outputs_[index]);
        return {};
    }

    // The mean over the columns that share a scale; a plain copy where none do.
    template <class Source, class V>
    void reduce_to_scales(Source source, std::span<V> out) const
    {
        for (std::size_t s = 0; s < out.size(); ++s) out[s] = V(0);
        if (problem_.column_scales.empty()) {
            for (std::size_t c = 0; c < out.size(); ++c) out[c] = source(c);
            return;
        }
        for (std::size_t c = 0; c < problem_.in_features(); ++c) out[problem_.scale_of(c)] += source(c);
        const V share = V(out.size()) / V(problem_.in_features());
        for (V& value : out) value *= share;
    }

    void fill_w_mean(std::span<double> sums)
    {
        double rows = 0.0;
        for (const auto& layer : problem_.layers) {
            if (layer.rounding == nullptr) continue;
            add_weight_magnitudes(how_, layer.weight, layer.rounding->scale_columns(layer.weight.cols()), storage_,
                                  sums);
            rows += static_cast<double>(layer.weight.rows());
        }
        reduce_to_scales([&](std::size_t c) { return sums[c] / rows; }, w_mean_);
    }

    void make_layer(std::size_t index, const row_sample& sample)
    {
        const auto& layer = problem_.layers[index];
        const matrix_view<float> out = outputs_[index];
        std::span<float> importance{};
        if (!layer.importance.empty()) {
            importance = importance_;
            for (std::size_t c = 0; c < importance.size(); ++c)
                importance[c] = static_cast<float>(static_cast<double>(layer.importance[c]) /
                                                   (column_scales_[c] * column_scales_[c]));
        }
        bool is_scaled = false;
        Q rounding = *layer.rounding;
        if constexpr (magnitude_quantizer<Q>) {
            is_scaled = rounding.needs_magnitude();
            if (is_scaled) {
                how_.for_each(out.rows(), [&](std::size_t row) {
                    scale_rows(layer.weight.rows_from(row, 1), out.rows_from(row, 1));
                });
                rounding = settled(how_, rounding, matrix_view<const float>{out});
            }
        }
        const auto make_rows = [&](std::size_t first, std::size_t count) {
            const auto block = out.rows_from(first, count);
            if (!is_scaled) scale_rows(layer.weight.rows_from(first, count), block);
            rounding.pseudo_quantize(block, importance, block);
            unscale_rows(block);
        };
        if (sample.size() == out.rows()) return for_all_blocks(how_, rounding, out.rows(), make_rows);
        how_.for_each(sample.blocks(), [&](std::size_t block) {
            const std::size_t first = sample.first_of(block), end = first + sample.rows_in(block);
            for_each_block(first, end, rounding.row_block(), make_rows);
        });
    }

    // Q(W s)/s in three steps, each rounded to float once; with scales that are floats that is the
    // same as float arithmetic. Where they can, all are done to a block of rows in the cache.
    void scale_rows(matrix_view<const T> weight, matrix_view<float> out) const
    {
        const sum_type* const s = column_scales_.data();
        for (std::size_t r = 0; r < weight.rows(); ++r) {
            const std::span<float> to = out.row(r);
            const T* const from = weight.row(r).data();
            for (std::size_t c = 0; c < to.size(); ++c) to[c] = static_cast<float>(static_cast<float>(from[c]) * s[c]);
            round_to_storage(storage_, to);
        }
    }

    void unscale_rows(matrix_view<float> rows) const
    {
        const sum_type* const s = column_scales_.data();
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            const std::span<float> row = rows.row(r);
            for (std::size_t c = 0; c < row.size(); ++c) row[c] = static_cast<float>(row[c] / s[c]);
            round_to_storage(storage_, row);
        }
    }

    const E& how_;
    const search_problem<Q, T>& problem_;
    [[no_unique_address]] Storage storage_;
    std::span<float> x_mean_;                         // (scales)
    std::span<double> w_mean_, scales_, best_scales_; // (scales)
    std::span<sum_type> column_scales_;               // (in_features)
    std::span<float> importance_;                     // (in_features)
    std::span<matrix_view<const float>> views_;       // what the loss sees
    std::span<matrix_view<float>> outputs_;           // the same memory, where it is ours
};

/// The weights of a candidate, those rows that the loss looks at; empty where it is not usable.
template <class Maker, candidate_loss Loss>
std::span<const matrix_view<const float>> make_for(Maker& maker, const scale_candidate& candidate, Loss& loss)
{
    return maker.make(candidate, [&](std::size_t rows) {
        if constexpr (requires { loss.sample_of(rows); })
            return loss.sample_of(rows);
        else
            return row_sample{rows};
    });
}

/// The loss of a candidate, NaN where it is not usable.
template <class Maker, candidate_loss Loss>
double judge(Maker& maker, const scale_candidate& candidate, Loss& loss)
{
    const auto weights = make_for(maker, candidate, loss);
    if (weights.empty()) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(loss(weights));
}

/// The losses of some candidates; one that can wait for several of them does.
template <class Maker, candidate_loss Loss>
void judge_some(Maker& maker, const scale_grid& grid, std::size_t first, std::size_t end, Loss& loss,
                std::span<double> errors)
{
    for (std::size_t i = first; i < end; ++i) {
        if constexpr (requires { loss.finish(); }) {
            errors[i] = std::numeric_limits<double>::quiet_NaN();
            if (const auto weights = make_for(maker, grid[i], loss); !weights.empty()) loss.begin(weights, errors[i]);
        } else {
            errors[i] = judge(maker, grid[i], loss);
        }
    }
    if constexpr (requires { loss.finish(); }) loss.finish();
}

constexpr std::size_t no_candidate = static_cast<std::size_t>(-1);

/// The first of the smallest finite errors; `no_candidate` where none is finite.
inline std::size_t first_smallest(std::span<const double> errors)
{
    std::size_t best = no_candidate;
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < errors.size(); ++i)
        if (std::isfinite(errors[i]) && errors[i] < smallest) {
            best = i;
            smallest = errors[i];
        }
    return best;
}

inline std::size_t count_not_finite(std::span<const double> errors)
{
    return static_cast<std::size_t>(std::ranges::count_if(errors, [](double value) { return !std::isfinite(value); }));
}

/// Identity and the candidates of the smallest finite errors, at most so many, in grid order. `places`: room for all.
inline std::span<const std::size_t> finalists_of(std::span<const double> errors, std::size_t most,
                                                 std::span<std::size_t> places)
{
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    const auto is_better = [&](std::size_t a, std::size_t b) {
        if (!std::isfinite(errors[a]) || !std::isfinite(errors[b])) return std::isfinite(errors[a]);
        return errors[a] != errors[b] ? errors[a] < errors[b] : a < b;
    };
    std::ranges::sort(places.subspan(1), is_better);
    std::size_t count = 1;
    while (count < places.size() && count <= most && std::isfinite(errors[places[count]])) ++count;
    std::ranges::sort(places.first(count));
    return places.first(count);
}

inline error nothing_finite()
{
    return error{error_code::no_candidate,
                 "scale search: no candidate has a finite error; look for "
                 "infinite activations, and for weights near the largest number of their type"};
}

} // namespace detail

/// Tries every candidate of the grid with one loss and returns the best: the first with the
/// smallest finite loss. Identity is the first candidate, so the best is never worse than it.
/// The outcome's spans lie in `memory`, which needs `search_workspace_size(problem, options)`
/// floats. Errors: shapes that do not fit, workspace_too_small, no_candidate where no loss is
/// finite, those of `share`. `storage`: as `options.storage`, which it takes the place of; a `storage_rounding` where
/// it is known when this is compiled. `share`: who judges which candidates, where several search together.
template <execution E, quantizer Q, class T, candidate_loss Loss, class Storage, candidate_share Share = all_candidates>
result<search_outcome> scale_search(const E& how, const search_problem<Q, T>& problem, const search_options& options,
                                    Loss&& loss, workspace memory, Storage storage, const Share& share = {})
{
    const scale_grid grid{options};
    AWQ_CHECK(grid.check());
    AWQ_CHECK(detail::check_problem(problem));
    detail::candidate_maker<E, Q, T, Storage> maker{how, problem, storage};
    const std::span<double> errors = memory.take<double>(grid.size());
    if (errors.empty()) return maker.too_small();
    AWQ_CHECK(maker.prepare(memory, options.duo_scaling != duo::off));
    AWQ_CHECK(share(errors, [&](std::size_t first, std::size_t end) {
        detail::judge_some(maker, grid, first, end, loss, errors);
    }));
    const std::size_t best = detail::first_smallest(errors);
    if (best == detail::no_candidate) return detail::nothing_finite();
    return search_outcome{maker.best_scales(grid[best]),
                          grid[best].ratio,
                          grid[best].duo_scaling,
                          errors[0],
                          errors[best],
                          grid.size(),
                          detail::count_not_finite(errors),
                          errors};
}

/// The same with `options.storage`, known at run time only.
template <execution E, quantizer Q, class T, candidate_loss Loss>
result<search_outcome> scale_search(const E& how, const search_problem<Q, T>& problem, const search_options& options,
                                    Loss&& loss, workspace memory)
{
    return scale_search(how, problem, options, loss, memory, options.storage);
}

/// As `scale_search`, in two stages: `cheap` ranks all candidates, then `exact` decides among the
/// `options.finalists` best of them and identity. The outcome's errors are those of `exact`, its
/// `candidate_errors` those of `cheap`; the result is never worse than identity on `exact`.
template <execution E, quantizer Q, class T, candidate_loss Cheap, candidate_loss Exact,
          candidate_share Share = all_candidates>
result<search_outcome> screened_search(const E& how, const search_problem<Q, T>& problem, const search_options& options,
                                       Cheap&& cheap, Exact&& exact, workspace memory, const Share& share = {})
{
    const scale_grid grid{options};
    AWQ_CHECK(grid.check());
    AWQ_CHECK(detail::check_problem(problem));
    detail::candidate_maker<E, Q, T, dtype> maker{how, problem, options.storage};
    const std::span<double> errors = memory.take<double>(grid.size());
    const std::span<double> room = memory.take<double>(grid.size());
    const std::span<std::size_t> places = memory.take<std::size_t>(grid.size());
    if (places.empty()) return maker.too_small();
    AWQ_CHECK(maker.prepare(memory, options.duo_scaling != duo::off));
    AWQ_CHECK(share(errors, [&](std::size_t first, std::size_t end) {
        detail::judge_some(maker, grid, first, end, cheap, errors);
    }));
    const std::span<const std::size_t> finalists = detail::finalists_of(errors, options.finalists, places);
    const std::span<double> decisive = room.first(finalists.size());
    AWQ_CHECK(share(decisive, [&](std::size_t first, std::size_t end) {
        for (std::size_t i = first; i < end; ++i) decisive[i] = detail::judge(maker, grid[finalists[i]], exact);
    }));
    const std::size_t best = detail::first_smallest(decisive);
    if (best == detail::no_candidate) return detail::nothing_finite();
    std::size_t skipped = detail::count_not_finite(errors);
    for (std::size_t i = 0; i < decisive.size(); ++i)
        if (!std::isfinite(decisive[i]) && std::isfinite(errors[finalists[i]])) ++skipped;
    const scale_candidate winner = grid[finalists[best]];
    return search_outcome{maker.best_scales(winner),
                          winner.ratio,
                          winner.duo_scaling,
                          decisive[0],
                          decisive[best],
                          grid.size(),
                          skipped,
                          errors};
}

} // namespace awq

#endif
