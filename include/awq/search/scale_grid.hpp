// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_SCALE_GRID_HPP
#define AWQ_SEARCH_SCALE_GRID_HPP

#include <awq/search/search_options.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace awq {

/// One point of the grid.
struct scale_candidate {
    double ratio = 0.0;
    bool duo_scaling = false;
};

/// llm-compressor's candidates in its order (a tie keeps the earlier one). Identity is the first:
/// ratio 0 without duo scaling gives scales of exactly 1.
class scale_grid {
public:
    constexpr explicit scale_grid(const search_options& options) noexcept
        : n_grid_(options.n_grid), kind_(options.duo_scaling)
    {}

    /// invalid_argument where n_grid is too small for the kind of duo scaling, or above
    /// `largest_n_grid`.
    status check() const noexcept
    {
        const std::size_t least = kind_ == duo::off ? 2 : kind_ == duo::on ? 3 : 4;
        if (n_grid_ < least || n_grid_ > largest_n_grid)
            return error{error_code::invalid_argument, "n_grid ", n_grid_, ": use ", least, " to ", largest_n_grid};
        return {};
    }

    constexpr std::size_t size() const noexcept { return kind_ == duo::both ? n_grid_ / 2 * 2 : n_grid_; }

    constexpr scale_candidate operator[](std::size_t index) const noexcept
    {
        switch (kind_) {
        case duo::off:
            return {fraction(index, n_grid_ - 1), false};
        case duo::on:
            if (index == 0) return {};
            return {fraction(index - 1, n_grid_ - 2), true};
        case duo::both:
            break;
        }
        return {fraction(index / 2, n_grid_ / 2 - 1), index % 2 == 1};
    }

private:
    static constexpr double fraction(std::size_t part, std::size_t whole) noexcept
    {
        return static_cast<double>(part) / static_cast<double>(whole);
    }

    std::size_t n_grid_;
    duo kind_;
};

namespace detail {

inline float raised(float base, double exponent) noexcept
{
    return exponent == 0.5 ? std::sqrt(base) : std::pow(base, static_cast<float>(exponent));
}

// Clamped below, then centred geometrically (max * min = 1), in that order. T is float for
// candidates without duo scaling and double for those with it, as PyTorch's promotion has it.
template <class T, class Magnitude>
bool fill_scales(std::span<double> scales, Magnitude magnitude) noexcept
{
    T smallest = std::numeric_limits<T>::infinity(), largest = 0, sum = 0;
    const auto clamped = [&](std::size_t i) {
        const T value = magnitude(i);
        return value < T(1e-4) ? T(1e-4) : value;
    };
    for (std::size_t i = 0; i < scales.size(); ++i) {
        const T value = clamped(i);
        smallest = std::min(smallest, value);
        largest = std::max(largest, value);
        sum += value; // a NaN anywhere makes the centre a NaN
    }
    const T centre = sum == sum ? std::sqrt(largest * smallest) : sum;
    bool usable = true;
    for (std::size_t i = 0; i < scales.size(); ++i) {
        const auto scale = static_cast<double>(clamped(i) / centre);
        scales[i] = std::isfinite(scale) ? scale : 1.0;
        usable = usable && scales[i] > 0.0;
    }
    return usable;
}

} // namespace detail

/// The scales of one candidate, all of length channels:
///   t = max(x_mean^r, 1e-4)                           without duo scaling
///   t = max(x_mean^r / (w_mean^(1-r) + 1e-4), 1e-4)   with it
///   s = t / sqrt(max(t) min(t)), and 1 where that is not finite.
/// Computed in float without duo scaling and in double with it. `w_mean` may be empty where no
/// candidate has duo scaling. False where a scale is not positive.
/// Source: AWQ, Lin et al. 2023 (arXiv:2306.00978), as llm-compressor computes it.
inline bool compute_scales(const scale_candidate& candidate, std::span<const float> x_mean,
                           std::span<const double> w_mean, std::span<double> scales) noexcept
{
    const double ratio = candidate.ratio;
    if (!candidate.duo_scaling)
        return detail::fill_scales<float>(scales, [&](std::size_t i) { return detail::raised(x_mean[i], ratio); });
    return detail::fill_scales<double>(scales, [&](std::size_t i) {
        return detail::raised(x_mean[i], ratio) / (std::pow(w_mean[i], 1.0 - ratio) + 1e-4);
    });
}

} // namespace awq

#endif
