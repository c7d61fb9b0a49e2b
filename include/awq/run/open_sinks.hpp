// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_OPEN_SINKS_HPP
#define AWQ_RUN_OPEN_SINKS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/checkpoint/autoawq_sink.hpp>
#include <awq/checkpoint/compensated_sink.hpp>
#include <awq/checkpoint/compressed_tensors_sink.hpp>
#include <awq/checkpoint/gguf_sink.hpp>
#include <awq/checkpoint/imatrix_sink.hpp>
#include <awq/checkpoint/smoothed_sink.hpp>
#include <awq/run/layer_plan.hpp>
#include <awq/run/run_settings.hpp>
#include <awq/run/weight_formats.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace awq {

namespace detail {

using sink_list = std::vector<std::unique_ptr<checkpoint_sink>>;

/// Keeps a sink that could be opened; of a group that only checks there is none to keep.
inline status add_sink(result<std::unique_ptr<checkpoint_sink>> sink, output_group& group, sink_list& into)
{
    if (!sink && group.take_passed()) return {};
    if (!sink) return sink.error();
    into.push_back(std::move(*sink));
    return {};
}

/// 16-bit checkpoints.
inline status open_plain_sinks(const directory_source& source, const layer_plan& plan, const run_settings& options,
                               output_group& group, sink_list& into)
{
    const output_policy again{options.overwrite, &group};
    if (options.smoothing_only && !options.output.empty())
        AWQ_CHECK(add_sink(smoothed_sink::create(source, options.output, again), group, into));
    if (!options.output_smoothed.empty())
        AWQ_CHECK(add_sink(smoothed_sink::create(source, options.output_smoothed, again), group, into));
    if (!options.output_dequantized.empty())
        AWQ_CHECK(add_sink(smoothed_sink::create(source, options.output_dequantized, again, sink_content::dequantized),
                           group, into));
    if (!options.compensate || options.output.empty()) return {};
    const auto matrix = std::filesystem::path{options.output_imatrix}.filename().string();
    return add_sink(compensated_sink::create(source, options.output, again,
                                             {plan.name(), matrix, options.rounding.least_squares_lambda}),
                    group, into);
}

/// Checkpoints of schemes; they share the codes of one run.
inline status open_scheme_sinks(const directory_source& source, const layer_plan& plan, const run_settings& options,
                                output_group& group, sink_list& into)
{
    const output_policy again{options.overwrite, &group};
    const bool quantizes = !options.formats.empty() && !options.smoothing_only;
    if (quantizes && !options.output.empty())
        AWQ_CHECK(add_sink(compressed_tensors_sink::create(source, options.output, again, weight_formats_of(plan)),
                           group, into));
    if (options.output_awq.empty()) return {};
    return add_sink(autoawq_sink::create(source, options.output_awq, again, weight_formats_of(plan)), group, into);
}

} // namespace detail

/// Every output that a run is asked for, as a group. Errors: those of the sinks, before anything is computed; no
/// output at all.
inline result<detail::sink_list> open_sinks(device& machine, const directory_source& source, const layer_plan& plan,
                                            const run_settings& options, output_group& group)
{
    detail::sink_list sinks;
    if (options.output.empty() && options.output_smoothed.empty() && options.output_dequantized.empty() &&
        options.output_awq.empty() && options.output_imatrix.empty())
        return error{error_code::invalid_argument, "no output is named: give --output"};
    const output_policy again{options.overwrite, &group};
    AWQ_CHECK(detail::open_plain_sinks(source, plan, options, group, sinks));
    if (!options.gguf_type.empty() && !options.output.empty())
        AWQ_CHECK(
            detail::add_sink(gguf_sink::create(machine, source, *plan.layout(), options.output, again), group, sinks));
    if (!options.output_imatrix.empty())
        AWQ_CHECK(detail::add_sink(imatrix_sink::create(source.config(), options.output_imatrix, again, options.dataset,
                                                        options.max_seq_length),
                                   group, sinks));
    AWQ_CHECK(detail::open_scheme_sinks(source, plan, options, group, sinks));
    return sinks;
}

} // namespace awq

#endif
