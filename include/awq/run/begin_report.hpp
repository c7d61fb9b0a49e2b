// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_BEGIN_REPORT_HPP
#define AWQ_RUN_BEGIN_REPORT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/directory_source.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/execution/products/reproducible.hpp>
#include <awq/report/run_report.hpp>
#include <awq/run/layer_plan.hpp>
#include <awq/run/run_settings.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace awq {

/// What a report says before the first block, of a run with so many samples and tokens.
inline void begin_report(run_report& report, const run_settings& options, const directory_source& source,
                         const layer_plan& plan, std::size_t samples, std::size_t tokens)
{
    report.model = options.model;
    for (notice& each : source.notices()) report.notes.add(std::move(each));
    report.mode = options.compensate       ? "compensated"
                  : options.smoothing_only ? "smoothing_only"
                                           : "smooth_and_quantize";
    report.scheme = plan.name();
    report.group_size = plan.group_size().value_or(128);
    report.instruction_set = kernel_instruction_set();
    report.parameters = source.checkpoint().total_elements();
    report.source_bytes = source.checkpoint().total_bytes();
    report.options = describe(options);
    for (const auto& [layer, reason] : plan.unfit())
        if (!options.smoothing_only) report.layers.push_back({layer, {}, {}, 0, reason});
    if (options.clip_weights) report.notes.note("weights are clipped: the model's function has changed");
    if (reproducible_products) report.options.emplace_back("reproducible", "true");
    report.options.emplace_back("samples", std::to_string(samples));
    report.options.emplace_back("tokens", std::to_string(tokens));
}

} // namespace awq

#endif
