// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_CALIBRATION_NOTICES_HPP
#define AWQ_RUN_CALIBRATION_NOTICES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/architectures/registry.hpp>
#include <awq/report/progress.hpp>
#include <awq/run/run_settings.hpp>
#include <awq/run/sample_notices.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace awq {

/// The steps of a run that solve for weights from the Gram matrix of their inputs.
inline std::string solving_steps(const run_settings& options)
{
    if (options.smoothing_only) return {};
    const bool feedback = options.rounding.error_feedback;
    const bool target = options.rounding.least_squares_lambda > 0;
    if (feedback && target) return "error feedback and the least-squares target";
    return feedback ? "error feedback" : target ? "the least-squares target" : "";
}

/// Says how many samples and tokens a run uses, and what of them is not as it was asked for.
inline void say_what_is_used(const sample_set& samples, const run_settings& options, const model_config& config,
                             notice_list& notes)
{
    notify(options.progress, "calibration: " + summary_of(samples, options.dataset));
    note_samples(samples, options.dataset, config.max_position_embeddings, notes);
    warn_of_few_samples(samples, options.dataset, options.num_calibration_samples, notes);
    std::size_t widest = 0;
    for (const block_input& input : layout_of(config, 0).inputs) widest = std::max(widest, input.width);
    warn_of_few_tokens(samples.tokens(), widest, solving_steps(options), notes);
}

} // namespace awq

#endif
