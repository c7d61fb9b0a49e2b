// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_MAPPING_SECTION_HPP
#define AWQ_REPORT_HTML_MAPPING_SECTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/block_grid.hpp>
#include <awq/report/html/page.hpp>
#include <awq/report/mapping_report.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace awq::html {

/// What the search left of a mapping's error; 1 where there was none.
inline double left_of(const mapping_report& mapping) noexcept
{
    const double left = mapping.best_error / mapping.initial_error;
    return mapping.initial_error > 0 && std::isfinite(left) ? left : 1.0;
}

/// The geometric mean of what is left, over those that were smoothed.
struct mean_left {
    std::size_t count = 0;
    double least = 1, most = 0; ///< the best mapping's, and the worst one's

    template <class Mappings>
    static mean_left of(const Mappings& mappings)
    {
        mean_left made;
        for (const mapping_report& each : mappings) made.add(each);
        return made;
    }
    void add(const mapping_report& mapping)
    {
        if (!mapping.skipped.empty()) return;
        const double left = left_of(mapping);
        ++count;
        logarithms_ += std::log(std::max(left, 1e-9));
        least = std::min(least, left);
        most = std::max(most, left);
    }
    double value() const { return count == 0 ? 1.0 : std::exp(logarithms_ / static_cast<double>(count)); }

private:
    double logarithms_ = 0;
};

namespace detail {

inline column mapping_column(const std::vector<const mapping_report*>& here, const std::string& block)
{
    mean_left left;
    for (const mapping_report* const each : here) left.add(*each);
    column made{column::kind::skipped, left.value(), block, "block " + block + ": "};
    const mapping_report& first = *here.front();
    if (left.count == 0) {
        made.tip += "left alone: " + first.skipped;
        return made;
    }
    made.is = column::kind::value;
    if (here.size() == 1)
        made.tip += error_text(first.initial_error) + " before, " + error_text(first.best_error) + " after, ";
    else
        made.tip += std::to_string(left.count) + " mappings, ";
    made.tip += percent_text(left.value()) + " left";
    return made;
}

/// "model.layers.0.mlp.up_proj to model.layers.0.mlp.down_proj".
inline std::string full_names(const mapping_report& mapping)
{
    std::string text = mapping.smooth_layer + " to ";
    for (const std::string& each : mapping.balance_layers)
        text += (&each == mapping.balance_layers.data() ? "" : ", ") + each;
    return text;
}

inline void write_mapping_row(writer& out, const mapping_report& mapping)
{
    out.open("tr").leaf("td", module_name::of(mapping.smooth_layer).block);
    out.open("th", {{"scope", "row"}, {"title", full_names(mapping)}});
    out.leaf("code", module_name::of(mapping.smooth_layer).kind).text(" to ");
    out.leaf("code", last_parts(mapping.balance_layers)).close();
    if (!mapping.skipped.empty()) {
        out.leaf("td", "left alone", {{"colspan", "4"}, {"class", "plain"}, {"title", mapping.skipped}});
    } else {
        number_cell(out, error_text(mapping.initial_error));
        number_cell(out, error_text(mapping.best_error));
        number_cell(out, change_text(left_of(mapping)));
        number_cell(out, figure("%.3f", mapping.best_ratio) + (mapping.duo_scaling ? " duo" : ""));
    }
    number_cell(out, count_text(mapping.tokens));
    number_cell(out, count_text(mapping.skipped_candidates));
    out.close();
}

} // namespace detail

/// A chart for each kind of mapping, and all figures in a table.
inline void write_mappings(writer& out, const std::vector<mapping_report>& mappings)
{
    if (mappings.empty()) return;
    begin_section(out, "Smoothing, block by block",
                  "Each column is one decoder block: the rounding error of its mapping after smoothing, "
                  "as a share of the error before.");
    out.open("ul", {{"class", "key"}});
    for (const char* const look : {"before", "after", "skipped"}) {
        out.open("li").open("svg", {{"viewBox", "0 0 12 12"}, {"aria-hidden", "true"}});
        out.empty("rect", {{"class", look}, {"x", "1"}, {"y", "1"}, {"width", "10"}, {"height", "10"}});
        out.close().text(look == std::string_view{"skipped"} ? "left alone" : look).close();
    }
    out.close();
    block_grid<mapping_report> grid;
    for (const mapping_report& each : mappings) grid.add(each.smooth_layer, each);
    std::vector<column_chart> charts = grid.charts(detail::mapping_column);
    for (std::size_t i = 0; i < charts.size(); ++i) {
        charts[i].subtitle = "balanced by " + last_parts(grid.first(i).balance_layers);
        charts[i].top_label = "100 %";
        charts[i].has_tracks = true;
    }
    write_charts(out, charts);
    constexpr std::size_t short_table = 40;
    begin_details(out, "Figures of " + counted_text(mappings.size(), "mapping"), mappings.size() <= short_table,
                  on_paper::unfolded);
    begin_table(out,
                {"block", "smoothed layer, and what balances it", "error before", "after", "change", "ratio", "tokens",
                 "candidates skipped"},
                2);
    for (const mapping_report& each : mappings) detail::write_mapping_row(out, each);
    end_table(out);
    out.close().close();
}

} // namespace awq::html

#endif
