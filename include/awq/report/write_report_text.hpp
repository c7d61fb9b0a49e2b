// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_WRITE_REPORT_TEXT_HPP
#define AWQ_REPORT_WRITE_REPORT_TEXT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/run_report.hpp>

#include <cstdio>
#include <string>

namespace awq {

namespace detail {

template <class... Values>
void append_line(std::string& text, const char* format, const Values&... values)
{
    char line[512];
    std::snprintf(line, sizeof line, format, values...);
    text += line;
    text += '\n';
}

inline void append_mapping(std::string& text, const mapping_report& mapping)
{
    if (!mapping.skipped.empty())
        return append_line(text, "%-46s skipped: %s", mapping.smooth_layer.c_str(), mapping.skipped.c_str());
    const double kept = mapping.initial_error > 0 ? mapping.best_error / mapping.initial_error : 1.0;
    append_line(text, "%-46s ratio %.3f%s  error %.4e -> %.4e  (%.1f %%)", mapping.smooth_layer.c_str(),
                mapping.best_ratio, mapping.duo_scaling ? " duo" : "    ", mapping.initial_error, mapping.best_error,
                100 * kept);
}

} // namespace detail

/// The report for people: a line for each mapping, then the totals.
inline std::string to_text(const run_report& report)
{
    std::string text;
    for (const mapping_report& mapping : report.mappings) detail::append_mapping(text, mapping);
    detail::append_line(text, "mode       %s (%s, group size %zu)", report.mode.c_str(), report.scheme.c_str(),
                        report.group_size);
    detail::append_line(text, "mappings   %zu smoothed, %zu skipped", report.smoothed_mappings(),
                        report.mappings.size() - report.smoothed_mappings());
    detail::append_line(text, "computed   as %s", report.instruction_set.c_str());
    for (const expert_report& each : report.experts)
        detail::append_line(text, "experts    %s: %zu, each of %llu to %llu tokens, %zu of none", each.layer.c_str(),
                            each.tokens.size(), static_cast<unsigned long long>(each.fewest()),
                            static_cast<unsigned long long>(each.most()), each.unused());
    for (const auto& [step, seconds] : report.seconds)
        detail::append_line(text, "seconds    %-10s %.2f", step.c_str(), seconds);
    detail::append_line(text, "peak RSS   %.1f MB", static_cast<double>(report.peak_rss_bytes) / 1e6);
    for (const notice& note : report.notes) text += "note       " + line_of(note) + '\n';
    for (const std::string& output : report.outputs) text += "output     " + output + '\n';
    return text;
}

} // namespace awq

#endif
