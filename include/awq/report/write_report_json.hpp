// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_WRITE_REPORT_JSON_HPP
#define AWQ_REPORT_WRITE_REPORT_JSON_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/json_writer.hpp>
#include <awq/report/run_report.hpp>
#include <awq/version.hpp>

#include <string>
#include <vector>

namespace awq {

namespace detail {

inline void write_names(json::writer& out, const std::vector<std::string>& names)
{
    out.begin_array();
    for (const std::string& name : names) out.value(name);
    out.end_array();
}

inline void write_notes(json::writer& out, const notice_list& notes)
{
    out.begin_array();
    for (const notice& each : notes) out.value(line_of(each));
    out.end_array();
}

inline void write_mapping(json::writer& out, const mapping_report& mapping)
{
    out.begin_object();
    out.field("layer", mapping.layer).field("smooth_layer", mapping.smooth_layer);
    write_names(out.key("balance_layers"), mapping.balance_layers);
    out.field("initial_error", mapping.initial_error).field("best_error", mapping.best_error);
    out.field("best_ratio", mapping.best_ratio).field("duo_scaling", mapping.duo_scaling);
    out.field("tokens", mapping.tokens).field("skipped_candidates", mapping.skipped_candidates);
    if (mapping.skipped.empty())
        out.key("skipped").null();
    else
        out.field("skipped", mapping.skipped);
    out.end_object();
}

inline void write_layer(json::writer& out, const layer_report& layer)
{
    out.begin_object();
    out.field("layer", layer.layer).field("format", layer.format).field("steps", layer.steps);
    out.field("relative_error", layer.relative_error);
    if (!layer.skipped.empty()) out.field("skipped", layer.skipped);
    out.end_object();
}

inline void write_contents(json::writer& out, const output_report& output)
{
    out.begin_object().field("output", output.path).field("bytes", bytes_of(output.tensors));
    out.key("tensors").begin_array();
    for (const tensor_report& each : output.tensors) {
        out.begin_object().field("name", each.name).field("type", each.type);
        out.field("elements", each.elements).field("bytes", each.bytes).end_object();
    }
    out.end_array().end_object();
}

} // namespace detail

/// The report as JSON, indented by two; the keys are those of examples/report.schema.json.
inline std::string to_json(const run_report& report)
{
    json::writer out{2};
    out.begin_object();
    out.field("awq_version", AWQ_VERSION_STRING).field("model", report.model);
    out.field("mode", report.mode).field("scheme", report.scheme);
    out.field("group_size", report.group_size).field("instruction_set", report.instruction_set);
    out.key("options").begin_object();
    for (const auto& [name, value] : report.options) out.field(name, value);
    out.end_object();
    out.key("mappings").begin_array();
    for (const mapping_report& mapping : report.mappings) detail::write_mapping(out, mapping);
    out.end_array();
    out.key("layers").begin_array();
    for (const layer_report& layer : report.layers) detail::write_layer(out, layer);
    out.end_array();
    out.key("experts").begin_array();
    for (const expert_report& each : report.experts) {
        out.begin_object().field("layer", each.layer).key("tokens").begin_array();
        for (const std::uint64_t tokens : each.tokens) out.value(tokens);
        out.end_array();
        detail::write_names(out.key("few"), each.few);
        out.end_object();
    }
    out.end_array();
    detail::write_notes(out.key("notes"), report.notes);
    out.key("seconds").begin_object();
    for (const auto& [step, seconds] : report.seconds) out.field(step, seconds);
    out.end_object();
    out.field("peak_rss_bytes", report.peak_rss_bytes);
    detail::write_names(out.key("outputs"), report.outputs);
    out.field("parameters", report.parameters).field("source_bytes", report.source_bytes);
    out.key("contents").begin_array();
    for (const output_report& each : report.contents) detail::write_contents(out, each);
    out.end_array();
    out.end_object();
    return std::move(out).take() + "\n";
}

} // namespace awq

#endif
