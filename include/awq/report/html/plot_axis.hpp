// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_PLOT_AXIS_HPP
#define AWQ_REPORT_HTML_PLOT_AXIS_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace awq::html {

/// Where values lie along an axis: from zero on, or by their logarithms where they differ much.
class plot_axis {
public:
    /// An axis for these values, which are not negative; what is not finite has no place.
    static plot_axis of(const std::vector<double>& values)
    {
        plot_axis axis;
        double least = HUGE_VAL, most = 0;
        for (const double each : values)
            if (std::isfinite(each)) {
                least = std::min(least, each);
                most = std::max(most, each);
            }
        constexpr double much = 12;
        axis.is_logarithmic_ = least > 0 && most > much * least && std::isfinite(least);
        axis.low_ = axis.is_logarithmic_ ? least / 1.6 : 0;
        axis.high_ = most > 0 ? most * (axis.is_logarithmic_ ? 1.6 : 1.12) : 1;
        return axis;
    }

    bool is_logarithmic() const noexcept { return is_logarithmic_; }

    /// 0 at the low end, 1 at the high one.
    double place(double value) const
    {
        if (!std::isfinite(value)) return 1;
        const double share =
            is_logarithmic_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
        return std::clamp(share, 0.0, 1.0);
    }

    /// Round values along the axis: a handful.
    std::vector<double> ticks() const { return is_logarithmic_ ? logarithmic_ticks() : linear_ticks(); }

private:
    std::vector<double> linear_ticks() const
    {
        const double rough = high_ / 4;
        const double power = std::pow(10.0, std::floor(std::log10(rough)));
        const double step = power * (rough >= 5 * power ? 5 : rough >= 2 * power ? 2 : 1);
        std::vector<double> made;
        for (int i = 0; i * step <= high_; ++i) made.push_back(i * step);
        return made;
    }

    std::vector<double> logarithmic_ticks() const
    {
        const bool is_long = high_ > 300 * low_;
        std::vector<double> made;
        for (int power = static_cast<int>(std::floor(std::log10(low_))); std::pow(10.0, power) <= high_; ++power)
            for (const double digit : {1.0, 2.0, 5.0}) {
                const double tick = digit * std::pow(10.0, power);
                if ((digit == 1.0 || !is_long) && tick >= low_ && tick <= high_) made.push_back(tick);
            }
        return made;
    }

    double low_ = 0, high_ = 1;
    bool is_logarithmic_ = false;
};

} // namespace awq::html

#endif
