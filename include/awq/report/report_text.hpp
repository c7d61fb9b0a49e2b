// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_REPORT_TEXT_HPP
#define AWQ_REPORT_REPORT_TEXT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/write_evaluation_html.hpp>
#include <awq/report/write_evaluation_json.hpp>
#include <awq/report/write_report_html.hpp>
#include <awq/report/write_report_json.hpp>

#include <string>
#include <string_view>

namespace awq {

/// A report in the form that the name of its file asks for: a page for people where it ends in .html,
/// JSON under any other name.
template <class Report>
std::string report_text(const Report& report, std::string_view file_name)
{
    return file_name.ends_with(".html") ? to_html(report) : to_json(report);
}

} // namespace awq

#endif
