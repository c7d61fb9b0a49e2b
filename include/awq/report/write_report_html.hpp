// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_WRITE_REPORT_HTML_HPP
#define AWQ_REPORT_WRITE_REPORT_HTML_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/expert_section.hpp>
#include <awq/report/html/layer_section.hpp>
#include <awq/report/html/mapping_section.hpp>
#include <awq/report/html/page.hpp>
#include <awq/report/html/size_section.hpp>
#include <awq/report/html/skipped_section.hpp>
#include <awq/report/run_report.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

inline std::string option_of(const run_report& report, const std::string& name)
{
    for (const auto& [key, value] : report.options)
        if (key == name) return value;
    return {};
}

/// "Smoothed and quantized to W4A16_ASYM, groups of 128".
inline std::string what_was_done(const run_report& report)
{
    const bool smooths = report.smoothed_mappings() > 0;
    std::string text = report.mode == "smoothing_only" ? "Smoothed, weights in 16 bits, for "
                       : report.mode == "compensated"  ? "Compensated, weights in 16 bits, for "
                       : smooths                       ? "Smoothed and quantized to "
                                                       : "Quantized to ";
    text += report.scheme;
    const bool has_groups = report.scheme.starts_with('W') && report.group_size > 0; // others have their own
    return text + (has_groups ? ", groups of " + std::to_string(report.group_size) : "");
}

inline html::tile error_tile(const run_report& report)
{
    const auto left = html::mean_left::of(report.mappings);
    return {html::change_text(left.value()),
            "rounding error by smoothing: the geometric mean of " + html::counted_text(left.count, "mapping") +
                "; the best " + html::change_text(left.least) + ", the least " + html::change_text(left.most)};
}

inline html::tile count_tile(const run_report& report)
{
    const std::size_t all = report.mappings.size(), done = report.smoothed_mappings();
    return {html::count_text(done) + " of " + html::count_text(all),
            "mappings smoothed" + (done == all ? "" : ", " + html::count_text(all - done) + " left alone")};
}

inline html::tile layer_tile(const run_report& report)
{
    const auto is_quantized = [](const layer_report& each) { return each.skipped.empty(); };
    const auto count =
        static_cast<std::size_t>(std::count_if(report.layers.begin(), report.layers.end(), is_quantized));
    return {html::percent_text(html::median_error(report.layers)),
            "error of a quantized layer's output, the median of " + html::count_text(count) + "; the largest " +
                html::percent_text(html::largest_error(report.layers))};
}

inline html::tile size_tile(const run_report& report, const output_report& output)
{
    const auto bytes = static_cast<double>(bytes_of(output.tensors));
    std::string caption = "of weights in " + html::base_name(output.path);
    if (report.source_bytes > 0)
        caption += ", " + html::percent_text(bytes / static_cast<double>(report.source_bytes)) + " of the model's " +
                   html::bytes_text(report.source_bytes);
    if (report.parameters > 0)
        caption += "; " + html::figure("%.2f", 8 * bytes / static_cast<double>(report.parameters)) + " bits each";
    return {html::bytes_text(bytes_of(output.tensors)), caption};
}

inline html::tile effort_tile(const run_report& report)
{
    double total = 0;
    for (const auto& [step, seconds] : report.seconds) total = step == "total" ? seconds : total;
    std::string caption = "and " + html::bytes_text(report.peak_rss_bytes) + " of memory";
    const std::string tokens = option_of(report, "tokens"), samples = option_of(report, "samples");
    if (!tokens.empty()) caption += ", for " + tokens + " tokens in " + samples + " samples";
    return {html::duration_text(total), caption};
}

inline std::vector<html::tile> tiles_of(const run_report& report)
{
    std::vector<html::tile> tiles;
    if (report.smoothed_mappings() > 0) tiles.push_back(error_tile(report));
    if (!report.mappings.empty()) tiles.push_back(count_tile(report));
    if (!report.layers.empty()) tiles.push_back(layer_tile(report));
    if (!report.contents.empty()) tiles.push_back(size_tile(report, report.contents.front()));
    tiles.push_back(effort_tile(report));
    return tiles;
}

/// The options and outputs, as they were given.
inline void write_request(html::writer& out, const run_report& report)
{
    html::begin_section(out, "How it was run");
    out.open("table", {{"class", "options"}}).open("tbody");
    const auto row = [&](const std::string& name, const std::string& value) {
        out.open("tr").leaf("th", name, {{"scope", "row"}}).leaf("td", value).close();
    };
    row("mode", report.mode);
    row("scheme", report.scheme);
    row("group_size", std::to_string(report.group_size));
    for (const auto& [name, value] : report.options) row(name, value);
    row("instruction_set", report.instruction_set);
    for (const std::string& each : report.outputs) row("output", each);
    out.close().close().close();
}

} // namespace detail

/// The report as one page of HTML that needs nothing else: no scripts, no other files. All names and texts
/// in it are escaped.
inline std::string to_html(const run_report& report)
{
    html::writer out;
    html::begin_page(out, html::base_name(report.model), detail::what_was_done(report), report.model);
    html::write_tiles(out, detail::tiles_of(report));
    html::write_notes(out, report.notes);
    html::write_mappings(out, report.mappings);
    html::write_layers(out, report.layers);
    html::write_experts(out, report.experts);
    html::write_skipped(out, report);
    html::write_sizes(out, report.contents);
    html::write_time(out, report.seconds, report.peak_rss_bytes);
    detail::write_request(out, report);
    return html::end_page(std::move(out), "awq " AWQ_VERSION_STRING);
}

} // namespace awq

#endif
