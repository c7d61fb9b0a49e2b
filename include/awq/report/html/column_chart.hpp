// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_COLUMN_CHART_HPP
#define AWQ_REPORT_HTML_COLUMN_CHART_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/figures.hpp>
#include <awq/report/html/markup.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace awq::html {

/// One column of a chart: a decoder block.
struct column {
    enum class kind { none, value, skipped };
    kind is = kind::none; ///< none: the block has nothing of the sort
    double height = 0;    ///< share of the chart's height
    std::string label;    ///< the block's number
    std::string tip;      ///< the figures in words
};

/// A small chart with a column for each decoder block; several of one section share their axes.
struct column_chart {
    std::string title, subtitle;
    std::string top_label;   ///< of the full height
    bool has_tracks = false; ///< the full height stands behind each column: what was there before
    std::vector<column> columns;
};

namespace detail {

inline constexpr double chart_width = 246; ///< of 300; the rest is for labels

inline double pitch_of(const column_chart& chart)
{
    return std::min(40.0, chart_width / static_cast<double>(chart.columns.size()));
}

inline void write_column(writer& out, const column_chart& chart, std::size_t index)
{
    constexpr double top = 6, height = 76;
    const column& drawn = chart.columns[index];
    if (drawn.is == column::kind::none) return;
    const double pitch = pitch_of(chart);
    const double wide = pitch * (pitch > 8 ? 0.72 : 0.86);
    const std::string x = at((static_cast<double>(index) + 0.5) * pitch - wide / 2);
    const auto rectangle = [&](const char* look, double share) {
        const double tall = height * std::clamp(share, 0.0, 1.0);
        out.empty(
            "rect",
            {{"class", look}, {"x", x}, {"y", at(top + height - tall)}, {"width", at(wide)}, {"height", at(tall)}});
    };
    out.open("g").leaf("title", drawn.tip);
    if (drawn.is == column::kind::skipped) {
        rectangle("skipped", chart.has_tracks ? 1.0 : 0.12);
    } else {
        if (chart.has_tracks) rectangle("before", 1.0);
        rectangle("after", drawn.height);
    }
    out.close();
}

inline void write_layer_labels(writer& out, const column_chart& chart)
{
    const std::size_t count = chart.columns.size();
    const double pitch = pitch_of(chart);
    const auto label = [&](std::size_t index) {
        out.leaf("text", chart.columns[index].label,
                 {{"x", at((static_cast<double>(index) + 0.5) * pitch)}, {"y", "96"}, {"text-anchor", "middle"}});
    };
    constexpr double room = 24; // for a label of three digits
    const auto step = static_cast<std::size_t>(std::max(1.0, std::ceil(room / pitch)));
    for (std::size_t i = 0; i < count; i += step) label(i);
}

} // namespace detail

inline void write_chart(writer& out, const column_chart& chart)
{
    out.open("figure").open("figcaption").leaf("b", chart.title);
    if (!chart.subtitle.empty()) out.leaf("span", chart.subtitle);
    out.close();
    out.open("svg", {{"viewBox", "0 0 300 100"}, {"role", "img"}, {"aria-label", chart.title}});
    for (const char* const y : {"6", "82"})
        out.empty("line", {{"class", "axis"}, {"x1", "0"}, {"x2", "250"}, {"y1", y}, {"y2", y}});
    out.leaf("text", chart.top_label, {{"x", "255"}, {"y", "10"}});
    out.leaf("text", "0", {{"x", "255"}, {"y", "86"}});
    for (std::size_t i = 0; i < chart.columns.size(); ++i) detail::write_column(out, chart, i);
    if (!chart.columns.empty()) detail::write_layer_labels(out, chart);
    out.close().close();
}

inline void write_charts(writer& out, const std::vector<column_chart>& charts)
{
    out.open("div", {{"class", "charts"}});
    for (const column_chart& each : charts) write_chart(out, each);
    out.close();
}

} // namespace awq::html

#endif
