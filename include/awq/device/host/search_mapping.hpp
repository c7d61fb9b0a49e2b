// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_HOST_SEARCH_MAPPING_HPP
#define AWQ_DEVICE_HOST_SEARCH_MAPPING_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/found_scales.hpp>
#include <awq/device/mapping_search.hpp>
#include <awq/device/shared_candidates.hpp>
#include <awq/search/gram_loss.hpp>
#include <awq/search/scale_search.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace awq {

namespace detail {

template <class Product, execution E>
result<search_outcome> search_in(std::span<float> memory, const E& how, const mapping_search& what)
{
    mapping_search::loss_function exact = what.exact;
    const shared_candidates share{what.all};
    const dtype storage = what.options.storage;
    if (exact && !what.is_screened) return scale_search(how, what.problem, what.options, exact, memory, storage, share);
    constexpr std::size_t rows_at_once = 1024;
    const std::size_t floats = gram_loss_workspace_size(what.problem.in_features()) * rows_at_once;
    const auto products = std::make_unique_for_overwrite<float[]>(floats); // much of it is not used by few rows
    std::vector<matrix_view<const float>> weights;
    for (const auto& layer : what.problem.layers) weights.push_back(layer.weight);
    const auto by_rows = [&](std::size_t rows) {
        return gram_loss<Product, E>{
            how, weights, what.gram, what.tokens, {products.get(), floats}, rows, row_block_of(what.problem)};
    };
    if (!exact && !what.is_screened)
        return scale_search(how, what.problem, what.options, by_rows(what.rows), memory, storage, share);
    auto ranking = by_rows(what.options.screening_rows);
    if (exact) return screened_search(how, what.problem, what.options, ranking, exact, memory, share);
    return screened_search(how, what.problem, what.options, ranking, by_rows(what.rows), memory, share);
}

} // namespace detail

/// Searches for the scales of a mapping, all machines together. Errors: those of `scale_search`.
template <class Product, execution E>
result<found_scales> search_mapping(const E& how, const mapping_search& what)
{
    const std::size_t floats = search_workspace_size(what.problem, what.options);
    const auto memory = std::make_unique_for_overwrite<float[]>(floats); // all threads write to it first
    AWQ_TRY(const search_outcome found, detail::search_in<Product>({memory.get(), floats}, how, what));
    return found_scales{{found.best_scales.begin(), found.best_scales.end()},
                        found.best_ratio,
                        found.duo_scaling,
                        found.initial_error,
                        found.best_error,
                        found.skipped_candidates};
}

} // namespace awq

#endif
