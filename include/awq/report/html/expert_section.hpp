// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_EXPERT_SECTION_HPP
#define AWQ_REPORT_HTML_EXPERT_SECTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/expert_report.hpp>
#include <awq/report/html/markup.hpp>
#include <awq/report/html/page.hpp>

#include <string>
#include <vector>

namespace awq::html {

/// How many tokens the experts of each block were given; nothing where there are none.
inline void write_experts(writer& out, const std::vector<expert_report>& experts)
{
    if (experts.empty()) return;
    begin_section(out, "Experts");
    out.open("table").open("thead").open("tr");
    for (const char* const each : {"block", "experts", "fewest tokens", "most tokens", "without any"})
        out.leaf("th", each, {{"scope", "col"}});
    out.close().close().open("tbody");
    for (const expert_report& each : experts) {
        out.open("tr").leaf("th", each.layer, {{"scope", "row"}});
        for (const std::uint64_t number :
             {std::uint64_t{each.tokens.size()}, each.fewest(), each.most(), std::uint64_t{each.unused()}})
            out.leaf("td", std::to_string(number));
        out.close();
    }
    out.close().close().close();
}

} // namespace awq::html

#endif
