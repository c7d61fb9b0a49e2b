// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_SEARCH_PROBLEM_HPP
#define AWQ_SEARCH_SEARCH_PROBLEM_HPP

#include <awq/quantization/quantizer_concept.hpp>
#include <awq/search/search_options.hpp>
#include <awq/support/result.hpp>
#include <awq/tensor/matrix_view.hpp>
#include <awq/tensor/workspace.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace awq {

/// A balance layer as the search sees it. `T`: its element type, float, f16 or bf16.
template <quantizer Q, class T = float>
struct search_layer {
    matrix_view<const T> weight;            ///< (out_features, in_features)
    const Q* rounding = nullptr;            ///< null: the layer will not be quantized
    std::span<const float> importance = {}; ///< mean of x^2 per column, or empty

    /// Whether candidates of it need memory: a layer in float that is not quantized is its own candidate.
    constexpr bool is_copied() const noexcept { return rounding != nullptr || !std::is_same_v<T, float>; }
};

/// What is searched: layers that read the same input, and that input's magnitude.
template <quantizer Q, class T = float>
struct search_problem {
    std::span<const search_layer<Q, T>> layers; ///< all with the same in_features
    std::span<const float> x_mean;              ///< (in_features) mean of |x|
    /// Where several columns must share a scale (grouped-query attention: the query heads of one kv
    /// head): the scale's index for each column, (in_features). Empty: column j has scale j.
    std::span<const std::uint32_t> column_scales = {};
    std::size_t scale_count = 0; ///< only with `column_scales`
    /// The scales that can be stored, (scales()) each, or empty: a candidate with a scale outside is
    /// skipped. Identity never is.
    std::span<const double> smallest_scales = {}, largest_scales = {};

    constexpr std::size_t in_features() const noexcept { return x_mean.size(); }
    /// How many scales are searched.
    constexpr std::size_t scales() const noexcept { return column_scales.empty() ? in_features() : scale_count; }
    constexpr std::size_t scale_of(std::size_t column) const noexcept
    {
        return column_scales.empty() ? column : column_scales[column];
    }
    constexpr bool can_store(std::span<const double> wanted) const noexcept
    {
        for (std::size_t i = 0; i < smallest_scales.size(); ++i)
            if (!(wanted[i] >= smallest_scales[i] && wanted[i] <= largest_scales[i])) return false;
        return true;
    }
};

/// Floats that a search needs. `weights`: elements of all layers that are quantized or not in float.
constexpr std::size_t search_workspace_size(std::size_t in_features, std::size_t weights, std::size_t layers,
                                            std::size_t n_grid = 20) noexcept
{
    return weights + 2 * in_features + 5 * workspace::size_for<double>(in_features) +
           2 * workspace::size_for<double>(n_grid) + workspace::size_for<std::size_t>(n_grid) +
           workspace::size_for<matrix_view<const float>>(layers) + workspace::size_for<matrix_view<float>>(layers);
}

/// The same, for a problem.
template <quantizer Q, class T>
constexpr std::size_t search_workspace_size(const search_problem<Q, T>& problem, const search_options& options) noexcept
{
    std::size_t weights = 0;
    for (const auto& layer : problem.layers)
        if (layer.is_copied()) weights += layer.weight.size();
    return search_workspace_size(problem.in_features(), weights, problem.layers.size(), options.n_grid);
}

/// How many rows a sample should take together: the largest of the quantizers' blocks.
template <quantizer Q>
constexpr std::size_t row_block_of(const search_problem<Q>& problem) noexcept
{
    std::size_t block = 1;
    for (const auto& layer : problem.layers)
        if (layer.rounding != nullptr) block = std::max(block, layer.rounding->row_block());
    return block;
}

namespace detail {

template <quantizer Q, class T>
status check_layer(const search_layer<Q, T>& layer, std::size_t in_features)
{
    if (layer.weight.cols() != in_features)
        return error{error_code::shape_mismatch, "scale search: a balance layer has ", layer.weight.cols(),
                     " columns, the activations have ", in_features};
    if (!layer.importance.empty() && layer.importance.size() != in_features)
        return error{error_code::shape_mismatch, "scale search: ", layer.importance.size(),
                     " importance values for ",  in_features,      " columns"};
    return layer.rounding != nullptr ? layer.rounding->check(in_features) : status{};
}

template <quantizer Q, class T>
status check_problem(const search_problem<Q, T>& problem)
{
    if (problem.layers.empty() || problem.x_mean.empty())
        return error{error_code::invalid_argument, "scale search: give at least one balance layer and its activations"};
    for (const float value : problem.x_mean)
        if (!std::isfinite(value) || value < 0.0f)
            return error{error_code::not_finite, "scale search: x_mean has a value that is not a finite magnitude"};
    if (!problem.column_scales.empty() && problem.column_scales.size() != problem.in_features())
        return error{error_code::shape_mismatch, "scale search: column_scales needs ", problem.in_features(),
                     " entries"};
    if (problem.scales() > problem.in_features())
        return error{error_code::invalid_argument, "scale search: more scales than columns"};
    for (const std::uint32_t index : problem.column_scales)
        if (index >= problem.scale_count)
            return error{error_code::invalid_argument, "scale search: column scale ", index, " is not below ",
                         problem.scale_count};
    const std::size_t limits = problem.smallest_scales.size();
    if (limits != problem.largest_scales.size() || (limits != 0 && limits != problem.scales()))
        return error{
            error_code::shape_mismatch, "scale search: limits for ", limits, " of ", problem.scales(), " scales"};
    for (const auto& layer : problem.layers) AWQ_CHECK(check_layer(layer, problem.in_features()));
    return {};
}

} // namespace detail

} // namespace awq

#endif
