// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_WRITE_EVALUATION_HTML_HPP
#define AWQ_REPORT_WRITE_EVALUATION_HTML_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/evaluation_report.hpp>
#include <awq/report/html/page.hpp>
#include <awq/report/html/scatter_plot.hpp>
#include <awq/report/html/size_section.hpp>

#include <string>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

/// "Q4_K 61 %, Q6_K 38 %": what most of the bytes are.
inline std::string types_text(const evaluated_model& model)
{
    constexpr std::size_t shown = 2;
    std::string text;
    for (std::size_t i = 0; i < model.types.size() && i < shown; ++i) {
        const double share = static_cast<double>(model.types[i].bytes) / static_cast<double>(model.bytes());
        if (share < 0.01) break;
        text += (i > 0 ? ", " : "") + model.types[i].type + html::figure(" %.0f %%", 100 * share);
    }
    return text;
}

inline std::vector<html::tile> tiles_of(const evaluation_report& report)
{
    const evaluated_model& model = report.models.front();
    std::vector<html::tile> tiles;
    if (!report.reference.empty()) {
        tiles.push_back({html::figure("%.4g", model.kl_divergence),
                         "nats of KL divergence from " + html::base_name(report.reference) + ", a token"});
        tiles.push_back(
            {html::percent_text(model.top1_agreement), "of positions where both rank the same token first"});
    }
    tiles.push_back({html::figure("%.4g", model.perplexity), "perplexity on " + html::count_text(model.tokens) +
                                                                 " tokens of " + html::base_name(report.dataset)});
    tiles.push_back({html::bytes_text(model.bytes()), "of weights: " + types_text(model)});
    return tiles;
}

inline void write_model_row(html::writer& out, const evaluated_model& model, bool has_reference)
{
    out.open("tr").open("th", {{"scope", "row"}}).leaf("code", model.model).close();
    html::number_cell(out, html::bytes_text(model.bytes()));
    if (has_reference) {
        html::number_cell(out, html::figure("%.5g", model.kl_divergence));
        html::number_cell(out, html::percent_text(model.top1_agreement));
    }
    html::number_cell(out, html::figure("%.6g", model.perplexity));
    html::number_cell(out, html::count_text(model.tokens));
    html::number_cell(out, types_text(model));
    out.close();
}

inline void write_comparison(html::writer& out, const evaluation_report& report)
{
    const bool has_reference = !report.reference.empty();
    const std::string what = has_reference ? "KL divergence" : "Perplexity";
    html::begin_section(out, what + " against bytes",
                        "The lower and the further left, the better. The line joins the models that no other "
                        "one beats in both.");
    std::vector<html::plot_point> points;
    for (const evaluated_model& each : report.models)
        points.push_back({html::base_name(each.model), static_cast<double>(each.bytes()),
                          has_reference ? each.kl_divergence : each.perplexity});
    html::write_scatter(out, std::move(points),
                        what + (has_reference ? " from " + html::base_name(report.reference) + ", nats a token" : ""));
    std::vector<std::string> columns{"model", "bytes"};
    if (has_reference) columns.insert(columns.end(), {"KL divergence", "same top token"});
    columns.insert(columns.end(), {"perplexity", "tokens", "types"});
    html::begin_table(out, columns, 1);
    for (const evaluated_model& each : report.models) write_model_row(out, each, has_reference);
    html::end_table(out);
    out.close();
}

inline void write_request(html::writer& out, const evaluation_report& report)
{
    html::begin_section(out, "How it was run");
    out.open("table", {{"class", "options"}}).open("tbody");
    const auto row = [&](const char* name, const std::string& value) {
        if (value.empty()) return;
        out.open("tr").leaf("th", name, {{"scope", "row"}}).leaf("td", value).close();
    };
    for (const evaluated_model& each : report.models) row("model", each.model);
    row("reference", report.reference);
    row("dataset", report.dataset);
    row("pseudo_quantize", report.pseudo_quantize);
    row("instruction_set", report.instruction_set);
    out.close().close().close();
}

} // namespace detail

/// The report as one page of HTML that needs nothing else; all names and texts in it are escaped. Several
/// models are drawn by what they weigh.
inline std::string to_html(const evaluation_report& report)
{
    html::writer out;
    const bool one = report.models.size() == 1;
    html::begin_page(out,
                     one ? html::base_name(report.models.front().model)
                         : html::counted_text(report.models.size(), "model") + " compared",
                     report.reference.empty() ? "Evaluated" : "Evaluated against " + html::base_name(report.reference),
                     one ? report.models.front().model : "on " + report.dataset);
    if (one) html::write_tiles(out, detail::tiles_of(report));
    html::write_notes(out, report.notes);
    if (one) {
        html::begin_section(out, "What the model weighs");
        html::write_types(out, report.models.front().types);
        out.close();
    } else {
        detail::write_comparison(out, report);
    }
    html::write_time(out, report.seconds, report.peak_rss_bytes);
    detail::write_request(out, report);
    return html::end_page(std::move(out), "awq " AWQ_VERSION_STRING);
}

} // namespace awq

#endif
