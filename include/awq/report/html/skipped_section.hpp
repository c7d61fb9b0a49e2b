// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_SKIPPED_SECTION_HPP
#define AWQ_REPORT_HTML_SKIPPED_SECTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/module_name.hpp>
#include <awq/report/html/page.hpp>
#include <awq/report/run_report.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace awq::html {

/// Names by the reason why they were left alone, in order of appearance.
using skip_list = std::vector<std::pair<std::string, std::vector<std::string>>>;

inline void add_skip(skip_list& to, const std::string& reason, const std::string& name)
{
    const auto same = [&](const auto& entry) { return entry.first == reason; };
    const auto found = std::find_if(to.begin(), to.end(), same);
    (found == to.end() ? to.emplace_back(reason, std::vector<std::string>{}) : *found).second.push_back(name);
}

namespace detail {

inline void write_skips(writer& out, const skip_list& skips, const std::string& what)
{
    constexpr std::size_t few = 6;
    for (const auto& [reason, names] : skips) {
        out.open("p", {{"class", "reason"}}).leaf("b", counted_text(names.size(), what));
        out.text(": " + reason).close();
        const bool folds = names.size() > few;
        if (folds) begin_details(out, "Which", false, on_paper::unfolded);
        out.open("p", {{"class", "names"}});
        for (const std::string& each : names) out.text(&each == names.data() ? "" : ", ").leaf("code", each);
        out.close();
        if (folds) out.close();
    }
}

} // namespace detail

/// What was left alone and why; nothing where nothing was.
inline void write_skipped(writer& out, const run_report& report)
{
    skip_list mappings, layers;
    std::size_t candidates = 0;
    for (const mapping_report& each : report.mappings) {
        candidates += each.skipped_candidates;
        if (!each.skipped.empty())
            add_skip(mappings, each.skipped, each.smooth_layer + " to " + last_parts(each.balance_layers));
    }
    for (const layer_report& each : report.layers)
        if (!each.skipped.empty()) add_skip(layers, each.skipped, each.layer);
    if (mappings.empty() && layers.empty() && candidates == 0) return;
    begin_section(out, "Left alone");
    detail::write_skips(out, mappings, "mapping");
    detail::write_skips(out, layers, "layer");
    if (candidates > 0)
        out.leaf("p",
                 counted_text(candidates, "scale candidate") + " skipped: their loss is not finite, or "
                                                               "the type that the checkpoint stores cannot hold them",
                 {{"class", "reason"}});
    out.close();
}

} // namespace awq::html

#endif
