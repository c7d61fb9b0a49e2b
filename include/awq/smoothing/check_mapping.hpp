// SPDX-License-Identifier: MIT
#ifndef AWQ_SMOOTHING_CHECK_MAPPING_HPP
#define AWQ_SMOOTHING_CHECK_MAPPING_HPP

#include <awq/smoothing/mapping.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <cstdint>

namespace awq {

namespace detail {

/// A layer that is scaled twice, or one whose rows share memory, would compute something else afterwards.
template <class S, class B>
status check_memory(const basic_mapping<S, B>& pair)
{
    const auto shares_rows = [] {
        return error{error_code::invalid_argument, "mapping: a layer's stride is below its width, so its rows overlap"};
    };
    if (pair.smooth.weight.rows_overlap()) return shares_rows();
    for (std::size_t i = 0; i < pair.balances.size(); ++i) {
        if (pair.balances[i].rows_overlap()) return shares_rows();
        const void* const weight = pair.balances[i].data();
        if (weight == pair.smooth.weight.data())
            return error{error_code::invalid_argument, "mapping: balance layer ", i, " is the smooth layer itself"};
        for (std::size_t j = 0; j < i; ++j)
            if (weight == pair.balances[j].data())
                return error{error_code::invalid_argument,          "mapping: balance layers ", j, " and ", i,
                             " are the same tensor; give each once"};
    }
    return {};
}

template <class S, class B>
status check_balances(const basic_mapping<S, B>& pair)
{
    if (pair.balances.empty()) return error{error_code::invalid_argument, "mapping: give at least one balance layer"};
    for (const auto& balance : pair.balances)
        if (balance.empty() || balance.cols() != pair.in_features())
            return error{error_code::shape_mismatch, "mapping: a balance layer has ", balance.cols(),
                         " columns, another has ", pair.in_features()};
    return {};
}

template <class T>
status check_smooth(const basic_smooth_target<T>& smooth, std::size_t scales)
{
    if (smooth.norm && (smooth.weight.rows() != 1 || smooth.weight.cols() != scales))
        return error{error_code::shape_mismatch, "mapping: a norm of ", smooth.weight.size(),
                     " channels before layers that read ", scales};
    if (!smooth.norm && smooth.weight.rows() == 1 && scales > 1)
        return error{error_code::shape_mismatch,
                     "mapping: a linear smooth layer with one output before layers that read ", scales,
                     "; a norm's weight is a vector, give it as a std::span"};
    if (!smooth.norm && smooth.weight.rows() < scales)
        return error{error_code::shape_mismatch,
                     "mapping: a smooth layer with ",
                     smooth.weight.rows(),
                     " outputs before layers that read ",
                     scales,
                     "; grouped-query attention needs column_scales"};
    if (!smooth.bias.empty() && smooth.bias.size() != smooth.channels())
        return error{error_code::shape_mismatch, "mapping: a bias of ",
                     smooth.bias.size(),         " values for ",
                     smooth.channels(),          " outputs"};
    if (!smooth.rows.empty() && (smooth.norm || smooth.rows.size() != scales))
        return error{error_code::shape_mismatch,
                     "mapping: ",
                     smooth.rows.size(),
                     " outputs of the smooth layer are named for ",
                     scales,
                     " scales"};
    for (const std::uint32_t row : smooth.rows)
        if (row >= smooth.channels())
            return error{error_code::shape_mismatch,
                         "mapping: the smooth layer has ",
                         smooth.channels(),
                         " outputs, output ",
                         row,
                         " is named"};
    if (!smooth.norm && smooth.offset)
        return error{error_code::invalid_argument, "mapping: only a norm's weight has an offset"};
    return {};
}

} // namespace detail

/// How many scales a mapping has: its in_features, or one for each group of columns.
template <class S = float, class B = S>
std::size_t scale_count(const basic_mapping<S, B>& pair) noexcept
{
    if (pair.column_scales.empty()) return pair.in_features();
    std::uint32_t last = 0;
    for (const std::uint32_t index : pair.column_scales) last = index > last ? index : last;
    return std::size_t{last} + 1;
}

/// Whether the layers of a mapping fit together, so that smoothing keeps the function that they
/// compute. invalid_argument or shape_mismatch where they do not.
template <class S = float, class B = S>
status check_mapping(const basic_mapping<S, B>& pair)
{
    AWQ_CHECK(detail::check_balances(pair));
    AWQ_CHECK(detail::check_memory(pair));
    if (!pair.column_scales.empty() && pair.column_scales.size() != pair.in_features())
        return error{error_code::shape_mismatch, "mapping: column_scales needs ", pair.in_features(), " entries"};
    return detail::check_smooth(pair.smooth, scale_count(pair));
}

} // namespace awq

#endif
