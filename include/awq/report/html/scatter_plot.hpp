// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_SCATTER_PLOT_HPP
#define AWQ_REPORT_HTML_SCATTER_PLOT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/figures.hpp>
#include <awq/report/html/markup.hpp>
#include <awq/report/html/plot_axis.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace awq::html {

/// One model in a plot of quality against size.
struct plot_point {
    std::string label;
    double bytes = 0;
    double value = 0; ///< the lower, the better
};

namespace detail {

/// A drawing of 440 by 300 with room for labels at its left and bottom edges.
struct plot_frame {
    static constexpr double left = 46, right = 430, top = 28, bottom = 262;
    plot_axis bytes, values;

    double x(const plot_point& point) const { return left + (right - left) * bytes.place(point.bytes); }
    double y(double value) const { return bottom - (bottom - top) * values.place(value); }
};

inline void write_axes(writer& out, const plot_frame& frame, const std::string& what)
{
    for (const double tick : frame.values.ticks()) {
        const std::string y = at(frame.y(tick));
        out.empty("line", {{"class", "axis"}, {"x1", at(frame.left)}, {"x2", at(frame.right)}, {"y1", y}, {"y2", y}});
        out.leaf("text", figure("%g", tick),
                 {{"x", at(frame.left - 6)}, {"y", at(frame.y(tick) + 4)}, {"text-anchor", "end"}});
    }
    for (const double tick : frame.bytes.ticks())
        out.leaf("text", bytes_text(static_cast<std::uint64_t>(tick)),
                 {{"x", at(frame.x({{}, tick, 0}))}, {"y", at(frame.bottom + 17)}, {"text-anchor", "middle"}});
    out.leaf("text", what, {{"x", "0"}, {"y", "10"}});
    out.leaf("text", "bytes of weights",
             {{"x", at(frame.right)}, {"y", at(frame.bottom + 33)}, {"text-anchor", "end"}});
}

/// The models that no other one beats in both size and quality, joined from small to large.
inline void write_frontier(writer& out, const plot_frame& frame, std::vector<plot_point> points)
{
    std::sort(points.begin(), points.end(), [](const plot_point& a, const plot_point& b) {
        return a.bytes != b.bytes ? a.bytes < b.bytes : a.value < b.value;
    });
    std::string line;
    double best = HUGE_VAL;
    for (const plot_point& each : points) {
        if (!(each.value < best)) continue;
        best = each.value;
        line += (line.empty() ? "M" : " L") + at(frame.x(each)) + ' ' + at(frame.y(each.value));
    }
    if (!line.empty()) out.empty("path", {{"class", "frontier"}, {"d", line}});
}

/// Puts labels beside their points, on the side with more room, and below each other where they would meet.
class label_writer {
public:
    label_writer(writer& out, const plot_frame& frame) : out_(out), frame_(frame) {}

    void write(const plot_point& point)
    {
        const double x = frame_.x(point);
        const bool to_right = x < (frame_.left + frame_.right) / 2;
        double y = frame_.y(point.value) + 4;
        for (const place& each : taken_)
            if (each.to_right == to_right && std::fabs(each.y - y) < line && std::fabs(each.x - x) < reach)
                y = each.y + line;
        taken_.push_back({x, y, to_right});
        out_.leaf("text", point.label,
                  {{"class", "name"},
                   {"x", at(to_right ? x + 9 : x - 9)},
                   {"y", at(y)},
                   {"text-anchor", to_right ? "start" : "end"}});
    }

private:
    static constexpr double line = 13, reach = 190;
    struct place {
        double x, y;
        bool to_right;
    };
    writer& out_;
    const plot_frame& frame_;
    std::vector<place> taken_;
};

} // namespace detail

/// Draws models by size and quality; `what` names the quality.
inline void write_scatter(writer& out, std::vector<plot_point> points, const std::string& what)
{
    std::sort(points.begin(), points.end(),
              [](const auto& a, const auto& b) { return a.value > b.value; }); // labels go downwards
    std::vector<double> bytes, values;
    for (const plot_point& each : points) {
        bytes.push_back(each.bytes);
        values.push_back(each.value);
    }
    const detail::plot_frame frame{plot_axis::of(bytes), plot_axis::of(values)};
    out.open("figure", {{"class", "plot"}});
    out.open("svg", {{"viewBox", "0 0 440 300"}, {"role", "img"}, {"aria-label", what}});
    detail::write_axes(out, frame, what);
    detail::write_frontier(out, frame, points);
    detail::label_writer labels{out, frame};
    for (const plot_point& each : points) {
        out.open("circle",
                 {{"class", "after"}, {"r", "4.5"}, {"cx", at(frame.x(each))}, {"cy", at(frame.y(each.value))}});
        out.leaf("title", each.label + ": " + figure("%.4g", each.value)).close();
        labels.write(each);
    }
    out.close().close();
}

} // namespace awq::html

#endif
