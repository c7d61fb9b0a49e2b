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
#include <variant>
#include <vector>

namespace awq {

/// What a number of a request may be.
template <class Number>
struct number_limits {
    std::string_view field; ///< by its name in the request: "rounding.damping"
    Number least, most;

    /// invalid_argument for a number outside, or NaN. Names of fields are quoted, so that a program can put its own
    /// in their place.
    status check(Number value) const
    {
        if (value >= least && value <= most) return {};
        return error{error_code::invalid_argument, "`", field, "` ", value, ": use ", least, " to ", most};
    }
};

/// The numbers of a request, and what each may be.
namespace limits {

inline constexpr std::size_t many = std::size_t{1} << 40;

inline constexpr number_limits<std::size_t> num_calibration_samples{"num_calibration_samples", 1, 1 << 24};
inline constexpr number_limits<std::size_t> max_seq_length{"max_seq_length", 1, 1 << 20};
inline constexpr number_limits<std::size_t> exact_loss_tokens{"smoothing.exact_loss_tokens", 1, many};
inline constexpr number_limits<std::size_t> search_tokens{"smoothing.search_tokens", 1, many};
inline constexpr number_limits<std::size_t> screening_rows{"search.screening_rows", 1, all_rows};
inline constexpr number_limits<std::size_t> deciding_rows{"search.deciding_rows", 1, all_rows};
inline constexpr number_limits<std::size_t> finalists{"search.finalists", 1, largest_n_grid};
inline constexpr number_limits<std::size_t> n_grid{"search.n_grid", 2, largest_n_grid};
inline constexpr number_limits<std::size_t> group_size{"group_size", 0, 1 << 24};
inline constexpr number_limits<int> clip_steps{"clip_steps", 1, 1000};
inline constexpr number_limits<float> damping{"rounding.damping", 1e-6f, largest_damping};
inline constexpr number_limits<float> lambda{"least_squares.lambda", 0.0f, 1e6f}; // 0 itself is no target
inline constexpr number_limits<float> share{"least_squares.share", 0.0f, 1.0f};
inline constexpr number_limits<float> tokens{"least_squares.tokens", 0.0f, 1e6f};

} // namespace limits

namespace detail {

inline status check_numbers(const least_squares_options& options)
{
    AWQ_CHECK(limits::lambda.check(options.lambda));
    if (!(options.lambda > 0))
        return error{error_code::invalid_argument, "`", limits::lambda.field, "` 0: use more, or have no target"};
    AWQ_CHECK(limits::share.check(options.share));
    return limits::tokens.check(options.tokens);
}
inline status check_numbers(const rounding_steps& steps)
{
    if (steps.error_feedback) AWQ_CHECK(limits::damping.check(steps.error_feedback->damping));
    return steps.least_squares ? check_numbers(*steps.least_squares) : status{};
}
inline status check_numbers(const std::vector<layer_format>& formats)
{
    for (const layer_format& each : formats) AWQ_CHECK(limits::group_size.check(each.group_size.value_or(0)));
    return {};
}

inline status check_numbers(const sample_calibration& from)
{
    AWQ_CHECK(limits::num_calibration_samples.check(from.num_calibration_samples));
    return limits::max_seq_length.check(from.max_seq_length);
}
inline status check_numbers(const matrix_calibration&) { return {}; }

inline status check_numbers(const quantize& task)
{
    AWQ_CHECK(check_numbers(task.formats));
    AWQ_CHECK(limits::clip_steps.check(task.clip_steps));
    return check_numbers(task.rounding);
}
inline status check_numbers(const write_gguf& task) { return check_numbers(task.rounding); }
inline status check_numbers(const smooth& task)
{
    const auto* const schemes = std::get_if<simulated_schemes>(&task.simulated);
    if (!schemes) return {};
    AWQ_CHECK(check_numbers(schemes->formats));
    return schemes->clip_steps ? limits::clip_steps.check(*schemes->clip_steps) : status{};
}
inline status check_numbers(const compensate& task) { return check_numbers(task.least_squares); }

inline status check_numbers(const smoothing_options& options)
{
    AWQ_CHECK(limits::exact_loss_tokens.check(options.exact_loss_tokens));
    AWQ_CHECK(limits::search_tokens.check(options.search_tokens));
    AWQ_CHECK(limits::screening_rows.check(options.search.screening_rows));
    AWQ_CHECK(limits::deciding_rows.check(options.search.deciding_rows));
    AWQ_CHECK(limits::finalists.check(options.search.finalists));
    AWQ_CHECK(limits::n_grid.check(options.search.n_grid));
    return scale_grid{options.search}.check();
}

} // namespace detail

/// Every number has a sense, whether it comes from a flag, a recipe or a program. Error: the first
/// that has none, by the name of its field, with what it may be.
inline status check_numbers(const oneshot_options& options)
{
    const auto check = [](const auto& each) { return detail::check_numbers(each); };
    AWQ_CHECK(std::visit(check, options.calibration));
    AWQ_CHECK(std::visit(check, options.task));
    return options.smoothing ? detail::check_numbers(*options.smoothing) : status{};
}

} // namespace awq

#endif
