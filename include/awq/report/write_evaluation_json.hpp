// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_WRITE_EVALUATION_JSON_HPP
#define AWQ_REPORT_WRITE_EVALUATION_JSON_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_writer.hpp>
#include <awq/report/evaluation_report.hpp>
#include <awq/report/write_report_json.hpp>
#include <awq/version.hpp>

#include <string>

namespace awq {

namespace detail {

inline void write_figures(json::writer& out, const evaluated_model& model, bool has_reference)
{
    out.field("perplexity", model.perplexity);
    if (has_reference) {
        out.field("kl_divergence", model.kl_divergence);
        out.field("top1_agreement", model.top1_agreement);
    }
    out.field("tokens", model.tokens);
}

inline void write_model(json::writer& out, const evaluated_model& model, bool has_reference)
{
    out.begin_object().field("model", model.model).field("bytes", model.bytes());
    write_figures(out, model, has_reference);
    out.end_object();
}

inline void write_models(json::writer& out, const evaluation_report& report)
{
    out.field("awq_version", AWQ_VERSION_STRING).field("dataset", report.dataset);
    if (!report.reference.empty()) out.field("reference", report.reference);
    out.key("models").begin_array();
    for (const evaluated_model& each : report.models) write_model(out, each, !report.reference.empty());
    out.end_array();
}

} // namespace detail

/// The report as JSON, indented by two: the figures of a single model, or an entry for each of several.
/// The keys are those of examples/report.schema.json.
inline std::string to_json(const evaluation_report& report)
{
    json::writer out{2};
    out.begin_object();
    if (report.models.size() == 1)
        detail::write_figures(out, report.models.front(), !report.reference.empty());
    else
        detail::write_models(out, report);
    out.field("instruction_set", report.instruction_set);
    detail::write_notes(out.key("notes"), report.notes);
    out.end_object();
    return std::move(out).take() + "\n";
}

} // namespace awq

#endif
