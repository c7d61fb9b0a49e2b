// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CHECK_SMOOTHED_HPP
#define AWQ_RUN_CHECK_SMOOTHED_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/run_report.hpp>
#include <awq/support/result.hpp>

#include <string>

namespace awq {

/// A smoothing run that smoothed nothing has failed. Error: `unsupported`, with the reason.
inline status check_smoothed(const run_report& report, const std::string& model)
{
    if (report.smoothed_mappings() > 0) return {};
    const std::string reason = report.mappings.empty() ? "no mapping was found" : report.mappings.back().skipped;
    return error{error_code::unsupported, model, ": no mapping could be smoothed (", reason,
                 "); choose another --group-size or look at --ignore"};
}

} // namespace awq

#endif
