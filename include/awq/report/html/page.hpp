// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_PAGE_HPP
#define AWQ_REPORT_HTML_PAGE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/figures.hpp>
#include <awq/report/html/markup.hpp>
#include <awq/report/html/style.hpp>
#include <awq/support/notice.hpp>
#include <awq/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq::html {

/// What says in a page's head that it is one of ours.
inline constexpr std::string_view generator_mark = "<meta name=\"generator\" content=\"awq ";

/// Opens a page down to its heading. `what`: one line above the name; `place`: the full path, below it.
inline void begin_page(writer& out, const std::string& name, const std::string& what, const std::string& place)
{
    out.open("html", {{"lang", "en"}, {"xmlns", "http://www.w3.org/1999/xhtml"}}).open("head");
    out.empty("meta", {{"charset", "utf-8"}});
    out.empty("meta", {{"name", "generator"}, {"content", "awq " AWQ_VERSION_STRING}});
    out.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    out.empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
    out.leaf("title", name + ": " + what).style(style_sheet).close();
    out.open("body").open("main").open("header");
    out.leaf("p", what).leaf("h1", name).leaf("p", place).close();
}

inline std::string end_page(writer&& out, const std::string& made_by)
{
    out.leaf("footer", made_by);
    out.close().close().close();
    return std::move(out).take();
}

/// Opens a section; `about`, if any, says in a sentence how to read it.
inline void begin_section(writer& out, std::string_view heading, std::string_view about = {})
{
    out.open("section").leaf("h2", heading);
    if (!about.empty()) out.leaf("p", about);
}

/// One of the figures at the top.
struct tile {
    std::string figure;
    std::string caption;
};

inline void write_tiles(writer& out, const std::vector<tile>& tiles)
{
    out.open("dl", {{"class", "tiles"}});
    for (const tile& each : tiles) {
        out.open("div", {{"class", &each == tiles.data() ? "first" : "more"}});
        out.leaf("dt", each.figure).leaf("dd", each.caption).close();
    }
    out.close();
}

/// Warnings first.
inline void write_notes(writer& out, const notice_list& notes)
{
    if (notes.empty()) return;
    begin_section(out, "Notes");
    out.open("ul", {{"class", "notes"}});
    for (const auto level : {notice::severity::warning, notice::severity::note})
        for (const notice& each : notes) {
            if (each.level != level) continue;
            const bool warns = level == notice::severity::warning;
            out.open("li", {{"class", warns ? "warning" : "note"}});
            if (warns) out.leaf("b", "Warning").text(" ");
            out.text(each.text).close();
        }
    out.close().close();
}

/// The head of a table whose columns from `first_number` on are numbers.
inline void begin_table(writer& out, const std::vector<std::string>& columns, std::size_t first_number)
{
    out.open("div", {{"class", "wide"}}).open("table").open("thead").open("tr");
    for (std::size_t i = 0; i < columns.size(); ++i)
        out.leaf("th", columns[i], {{"scope", "col"}, {"class", i < first_number ? "text" : "number"}});
    out.close().close().open("tbody");
}
inline void end_table(writer& out) { out.close().close().close(); }

inline void number_cell(writer& out, const std::string& text) { out.leaf("td", text, {{"class", "number"}}); }

/// What a folded part is on paper.
enum class on_paper { left_out, unfolded };

/// Opens what a reader may fold; long ones are folded at first.
inline void begin_details(writer& out, const std::string& summary, bool is_open, on_paper paper)
{
    const std::string look = paper == on_paper::unfolded ? "paper" : "screen";
    if (is_open)
        out.open("details", {{"class", look}, {"open", "open"}});
    else
        out.open("details", {{"class", look}});
    out.leaf("summary", summary);
}

/// A horizontal bar from 0 to `share` of the width.
inline void write_bar(writer& out, double share)
{
    out.open("svg", {{"viewBox", "0 0 100 10"}, {"preserveAspectRatio", "none"}, {"aria-hidden", "true"}});
    out.empty("rect", {{"class", "after"}, {"width", at(100 * std::clamp(share, 0.0, 1.0))}, {"height", "10"}});
    out.close();
}

using steps = std::vector<std::pair<std::string, double>>;

/// Seconds by step, and the most memory.
inline void write_time(writer& out, const steps& seconds, std::uint64_t peak_rss_bytes)
{
    begin_section(out, "Time and memory",
                  "At most " + bytes_text(peak_rss_bytes) +
                      " of memory were resident, pages of mapped files included.");
    double longest = 0;
    for (const auto& [step, value] : seconds)
        if (step != "total") longest = std::max(longest, value);
    out.open("table", {{"class", "bars"}}).open("tbody");
    for (const auto& [step, value] : seconds) {
        out.open("tr").leaf("th", step, {{"scope", "row"}});
        out.open("td", {{"class", "bar"}});
        if (step != "total" && longest > 0) write_bar(out, value / longest);
        out.close();
        number_cell(out, duration_text(value));
        out.close();
    }
    out.close().close().close();
}

} // namespace awq::html

#endif
