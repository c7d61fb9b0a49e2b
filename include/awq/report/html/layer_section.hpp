// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_LAYER_SECTION_HPP
#define AWQ_REPORT_HTML_LAYER_SECTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/block_grid.hpp>
#include <awq/report/html/page.hpp>
#include <awq/report/mapping_report.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace awq::html {

inline double largest_error(const std::vector<layer_report>& layers)
{
    double most = 0;
    for (const layer_report& each : layers) most = std::max(most, each.relative_error);
    return most;
}

/// The one in the middle, of those that were quantized.
inline double median_error(const std::vector<layer_report>& layers)
{
    std::vector<double> errors;
    for (const layer_report& each : layers)
        if (each.skipped.empty()) errors.push_back(each.relative_error);
    if (errors.empty()) return 0;
    const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
    std::nth_element(errors.begin(), middle, errors.end());
    return *middle;
}

namespace detail {

/// Layers of one kind in one block; their mean.
inline column layer_column(const std::vector<const layer_report*>& here, const std::string& block, double most)
{
    double sum = 0;
    std::size_t count = 0;
    for (const layer_report* const each : here)
        if (each->skipped.empty()) {
            sum += each->relative_error;
            ++count;
        }
    const std::string begin = "block " + block + ": ";
    if (count == 0) return {column::kind::skipped, 0, block, begin + "left as it is: " + here.front()->skipped};
    const double mean = sum / static_cast<double>(count);
    return {column::kind::value, most > 0 ? mean / most : 0.0, block,
            begin + percent_text(mean) + ", " + here.front()->format};
}

inline void write_layer_row(writer& out, const layer_report& layer)
{
    out.open("tr").open("th", {{"scope", "row"}}).leaf("code", layer.layer).close();
    if (layer.skipped.empty()) {
        out.leaf("td", layer.format).leaf("td", layer.steps);
        number_cell(out, percent_text(layer.relative_error));
    } else {
        out.leaf("td", "left as it is: " + layer.skipped, {{"colspan", "3"}, {"class", "plain"}});
    }
    out.close();
}

} // namespace detail

/// A chart for each kind of linear layer that was quantized, and all figures in a table.
inline void write_layers(writer& out, const std::vector<layer_report>& layers)
{
    if (layers.empty()) return;
    begin_section(out, "Quantized layers, block by block",
                  "The error of a layer's output on the calibration tokens, as a share of the output's "
                  "power. All charts have the same scale.");
    const double most = largest_error(layers);
    block_grid<layer_report> grid;
    for (const layer_report& each : layers) grid.add(each.layer, each);
    auto charts = grid.charts(
        [&](const auto& here, const std::string& block) { return detail::layer_column(here, block, most); });
    for (column_chart& each : charts) each.top_label = figure("%.2g %%", 100 * most);
    write_charts(out, charts);
    constexpr std::size_t short_table = 12;
    begin_details(out, "Figures of " + counted_text(layers.size(), "layer"), layers.size() <= short_table,
                  on_paper::unfolded);
    begin_table(out, {"layer", "stored as", "steps", "error"}, 3);
    for (const layer_report& each : layers) detail::write_layer_row(out, each);
    end_table(out);
    out.close().close();
}

} // namespace awq::html

#endif
