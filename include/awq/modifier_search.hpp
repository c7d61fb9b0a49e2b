// SPDX-License-Identifier: MIT
#ifndef AWQ_MODIFIER_SEARCH_HPP
#define AWQ_MODIFIER_SEARCH_HPP

#include <awq/calibration/activation_stats.hpp>
#include <awq/execution/widen.hpp>
#include <awq/search/scale_search.hpp>
#include <awq/smoothing/apply_scales.hpp>
#include <awq/smoothing/mapping.hpp>
#include <awq/smoothing/offset_norm_scales.hpp>
#include <awq/smoothing/scale_limits.hpp>
#include <awq/tensor/dtype.hpp>
#include <awq/tensor/element.hpp>
#include <awq/tensor/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

namespace awq::detail {

/// What a modifier does to one mapping once its statistics are known: it cuts the caller's memory, searches
/// among the scales with which every tensor can be stored, and applies the best. `Storage`: the
/// `storage_rounding` of the search; `S` and `B`: the elements of the smooth layer and of the balance layers.
template <execution E, quantizer Q, class Storage, class S, class B>
class mapping_search {
public:
    mapping_search(const E& how, const basic_mapping<S, B>& pair, const Q& rounding, const search_options& options,
                   Storage storage)
        : how_(how), pair_(pair), rounding_(rounding), options_(options), storage_(storage)
    {}

    /// Floats that `prepare` needs at least, without those of the loss.
    static constexpr std::size_t workspace_size(std::size_t in_features, std::size_t out_features, std::size_t layers,
                                                std::size_t n_grid) noexcept
    {
        return search_workspace_size(in_features, in_features * out_features, layers, n_grid) + 2 * in_features +
               3 * workspace::size_for<double>(in_features) + workspace::size_for<search_layer<Q, B>>(layers) +
               workspace::size_for<matrix_view<const B>>(layers);
    }

    status prepare(const activation_stats& stats, workspace memory)
    {
        const std::size_t columns = pair_.in_features(), layers = pair_.balances.size();
        const std::size_t scales = scale_count(pair_);
        const std::span<float> x_mean = memory.take<float>(columns);
        const std::span<float> importance = memory.take<float>(columns);
        limits_.smallest = memory.take<double>(scales);
        limits_.largest = memory.take<double>(scales);
        scales_ = memory.take<double>(scales);
        weights_ = memory.take<matrix_view<const B>>(layers);
        const auto searched = memory.take<search_layer<Q, B>>(layers);
        if (importance.empty() || scales_.empty() || searched.empty()) return too_small();
        limit_scales(x_mean);
        AWQ_CHECK(stats.mean_abs(x_mean));
        AWQ_CHECK(stats.mean_square(importance));
        for (std::size_t i = 0; i < layers; ++i) {
            weights_[i] = pair_.balances[i];
            searched[i] = {weights_[i], &rounding_, importance};
        }
        problem_ = {searched, x_mean, pair_.column_scales, scales, limits_.smallest, limits_.largest};
        const std::size_t size = search_workspace_size(problem_, options_);
        if (memory.rest().size() < size + 2 * columns) return too_small();
        searching_ = memory.rest().first(size);
        rest_ = memory.rest().subspan(size);
        return {};
    }

    /// The balance layers as they are, and what is left of the memory for a loss.
    std::span<const matrix_view<const B>> weights() const noexcept { return weights_; }
    std::span<float> rest() const noexcept { return rest_; }

    /// The balance layers in float, in memory that `run` takes again.
    std::span<const matrix_view<const float>> widened_weights() const
    {
        if constexpr (std::is_same_v<B, float>) {
            return weights_;
        } else {
            workspace memory{searching_};
            const auto views = memory.take<matrix_view<const float>>(weights_.size());
            for (std::size_t i = 0; i < views.size(); ++i) {
                const matrix_view<const B> weight = weights_[i];
                const std::span<float> space = memory.take<float>(weight.size());
                const matrix_view<float> wide{space.data(), weight.rows(), weight.cols()};
                widen(how_, weight, wide);
                views[i] = wide;
            }
            return views;
        }
    }

    /// Searches with a loss over candidates, and smooths. On an error nothing is changed.
    template <candidate_loss Loss>
    result<search_outcome> run(Loss&& loss)
    {
        AWQ_TRY(search_outcome found, scale_search(how_, problem_, options_, loss, workspace{searching_}, storage_));
        AWQ_CHECK(apply(found.best_scales));
        found.best_scales = scales_;
        return found;
    }

    static error too_small()
    {
        return error{error_code::workspace_too_small, "smooth: give as many floats as workspace_size says"};
    }

private:
    /// What a tensor will be stored as: what it is, or what floats become by the scheme.
    template <class T>
    static constexpr dtype stored = half_element<T> ? dtype_of<T> : dtype_of<typename Storage::type>;

    void limit_scales(std::span<float> scratch) const
    {
        limits_.clear();
        limit_smooth(how_, limits_, pair_.smooth, stored<S>);
        for (const auto& balance : pair_.balances)
            limit_balance(limits_, balance, stored<B>, pair_.column_scales, scratch);
    }

    status apply(std::span<const double> found) const
    {
        [[maybe_unused]] const basic_smooth_target<S>& smooth = pair_.smooth;
        std::ranges::copy(found, scales_.begin());
        if constexpr (stored<S> != dtype::f32) // a float holds 1 + weight well enough
            if (smooth.norm && smooth.offset) {
                adapt_to_offset_norm<S>(smooth.weight.row(0), scales_);
                if (!problem_.can_store(scales_))
                    return error{error_code::no_candidate, "smooth: the weights' type cannot hold "
                                                           "the scales of a norm of 1 + weight"};
            }
        return apply_scales(how_, pair_, scales_);
    }

    const E& how_;
    const basic_mapping<S, B>& pair_;
    const Q& rounding_;
    const search_options& options_;
    [[no_unique_address]] Storage storage_;
    scale_limits limits_;
    std::span<double> scales_;
    std::span<matrix_view<const B>> weights_;
    search_problem<Q, B> problem_;
    std::span<float> searching_, rest_;
};

} // namespace awq::detail

#endif
