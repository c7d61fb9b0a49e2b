// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_CHECK_NUMBERS_HPP
#define AWQ_RECIPE_CHECK_NUMBERS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/oneshot_options.hpp>
#include <awq/search/row_sample.hpp>
#include <awq/search/scale_grid.hpp>
#include <awq/support/result.hpp>

#include <cstddef>
#include <string_view>

namespace awq {

namespace detail {

/// invalid_argument for a number outside of [least, most], or NaN.
template <class Number>
status check_number(std::string_view name, Number value, Number least, Number most)
{
    if (value >= least && value <= most) return {};
    return error{error_code::invalid_argument, name, " ", value, ": use ", least, " to ", most};
}

} // namespace detail

/// Every number of the rounding has a sense.
inline status check_numbers(const rounding_options& options)
{
    AWQ_CHECK(detail::check_number("clip_steps", options.clip_steps, 1, 1000));
    AWQ_CHECK(detail::check_number("damping", options.damping, 1e-6f, largest_damping));
    AWQ_CHECK(detail::check_number("least_squares", options.least_squares_lambda, 0.0f, 1e6f));
    return detail::check_number("least_squares_share", options.least_squares_share, 0.0f, 1.0f);
}

/// Every number has a sense, whether it comes from a flag, a recipe or a program. Error: the first
/// that has none, by the name of its flag or key, with what it may be.
inline status check_numbers(const oneshot_options& options)
{
    constexpr std::size_t most = std::size_t{1} << 24, one = 1, none = 0;
    AWQ_CHECK(detail::check_number("num_calibration_samples", options.num_calibration_samples, one, most));
    AWQ_CHECK(detail::check_number("max_seq_length", options.max_seq_length, one, std::size_t{1} << 20));
    AWQ_CHECK(detail::check_number("exact_loss_tokens", options.exact_loss_tokens, one, std::size_t{1} << 40));
    AWQ_CHECK(detail::check_number("search_tokens", options.search_tokens, one, std::size_t{1} << 40));
    AWQ_CHECK(detail::check_number("screening_rows", options.search.screening_rows, one, all_rows));
    AWQ_CHECK(detail::check_number("deciding_rows", options.search.deciding_rows, one, all_rows));
    AWQ_CHECK(detail::check_number("finalists", options.search.finalists, one, largest_n_grid));
    AWQ_CHECK(detail::check_number("group_size", options.group_size, none, most));
    for (const layer_format& format : options.formats)
        AWQ_CHECK(detail::check_number("group_size", format.group_size.value_or(0), none, most));
    AWQ_CHECK(check_numbers(options.rounding));
    return options.smoothing ? scale_grid{options.search}.check() : status{};
}

} // namespace awq

#endif
