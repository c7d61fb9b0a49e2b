// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_SIZE_SECTION_HPP
#define AWQ_REPORT_HTML_SIZE_SECTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/page.hpp>
#include <awq/report/tensor_report.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace awq::html {

namespace detail {

/// The colour of the i-th type; the last one is shared by all the rest.
inline const char* colour_of(std::size_t index)
{
    constexpr std::array<const char*, 6> colours{"c0", "c1", "c2", "c3", "c4", "c5"};
    return colours[std::min(index, colours.size() - 1)];
}

/// How the bytes divide among the types, as one bar.
inline void write_stacked_bar(writer& out, const std::vector<type_total>& totals, std::uint64_t bytes)
{
    out.open("div", {{"class", "bar"}});
    out.open("svg", {{"viewBox", "0 0 100 10"}, {"preserveAspectRatio", "none"}, {"aria-hidden", "true"}});
    double x = 0;
    for (std::size_t i = 0; i < totals.size(); ++i) {
        const double wide = 100 * static_cast<double>(totals[i].bytes) / static_cast<double>(bytes);
        out.open("rect", {{"class", colour_of(i)}, {"x", at(x)}, {"width", at(wide)}, {"height", "10"}});
        out.leaf("title", totals[i].type + ": " + bytes_text(totals[i].bytes)).close();
        x += wide;
    }
    out.close().close();
}

inline void write_type_row(writer& out, const type_total& total, std::uint64_t bytes, std::size_t index)
{
    out.open("tr").open("th", {{"scope", "row"}, {"class", "swatch"}});
    out.open("svg", {{"viewBox", "0 0 12 12"}, {"aria-hidden", "true"}});
    out.empty("rect", {{"class", colour_of(index)}, {"x", "1"}, {"y", "1"}, {"width", "10"}, {"height", "10"}});
    out.close().text(total.type).close();
    number_cell(out, count_text(total.tensors));
    number_cell(out, count_text(total.elements));
    number_cell(out, bytes_text(total.bytes));
    number_cell(out, percent_text(static_cast<double>(total.bytes) / static_cast<double>(bytes)));
    out.close();
}

} // namespace detail

/// The types of a model's tensors: a bar, and a table beneath. Nothing where there are no bytes.
inline void write_types(writer& out, const std::vector<type_total>& totals)
{
    std::uint64_t bytes = 0;
    for (const type_total& each : totals) bytes += each.bytes;
    if (bytes == 0) return;
    detail::write_stacked_bar(out, totals, bytes);
    begin_table(out, {"type", "tensors", "elements", "bytes", "share"}, 1);
    for (std::size_t i = 0; i < totals.size(); ++i) detail::write_type_row(out, totals[i], bytes, i);
    end_table(out);
}

inline void write_tensors(writer& out, const std::vector<tensor_report>& tensors)
{
    begin_details(out, "Types and bytes of " + counted_text(tensors.size(), "tensor"), false, on_paper::left_out);
    begin_table(out, {"tensor", "type", "elements", "bytes"}, 2);
    for (const tensor_report& each : tensors) {
        out.open("tr").open("th", {{"scope", "row"}}).leaf("code", each.name).close();
        out.leaf("td", each.type);
        number_cell(out, count_text(each.elements));
        number_cell(out, count_text(each.bytes));
        out.close();
    }
    end_table(out);
    out.close();
}

/// What each output weighs.
inline void write_sizes(writer& out, const std::vector<output_report>& outputs)
{
    if (outputs.empty()) return;
    begin_section(out, "What the outputs weigh");
    for (const output_report& each : outputs) {
        out.open("h3").leaf("code", each.path).text(": " + bytes_text(bytes_of(each.tensors))).close();
        write_types(out, totals_by_type(each.tensors));
        write_tensors(out, each.tensors);
    }
    out.close();
}

} // namespace awq::html

#endif
