// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_ONESHOT_OPTIONS_HPP
#define AWQ_RECIPE_ONESHOT_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/precision.hpp>
#include <awq/recipe/calibration_source.hpp>
#include <awq/recipe/run_task.hpp>
#include <awq/recipe/smoothing_options.hpp>
#include <awq/report/progress.hpp>
#include <awq/support/notice.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace awq {

/// What `oneshot` is asked to do: what all runs share, where the statistics come from, and the task.
///
///     oneshot_options options;
///     options.model = "llama";
///     options.output = "llama-q4_k_m.gguf";
///     options.calibration = sample_calibration{"text.txt"};
///     options.task = write_gguf{"q4_k_m"};
struct oneshot_options {
    std::string model; ///< directory of the checkpoint
    calibration_source calibration;
    std::optional<smoothing_options> smoothing = smoothing_options{}; ///< none: plain rounding, for comparison
    run_task task;
    std::vector<std::string> ignore{"lm_head"}; ///< names or `re:` patterns of layers that stay as they are
    std::string ignore_recipe;                  ///< the file that `ignore` is from: what matches nothing is a warning

    std::string output; ///< what the task writes: a directory, or FILE.gguf
    std::string output_smoothed;
    std::string output_imatrix;
    std::string report; ///< FILE.html: a page for people; any other name: JSON
    std::string recipe; ///< where these options come from, if from a file: no output replaces it
    bool overwrite = false;
    /// Goes on behind the blocks that a run of the same request had finished when it was killed; where there is none,
    /// begins. What is done stays for the next when this run fails, too.
    bool resume = false;
    /// Checks all that a run checks before it begins, and opens nothing to write; for `predict`.
    bool dry_run = false;

    /// Of the products of the forward pass, the statistics and the search; what is solved is float32.
    /// Empty: the run chooses, mixed for a bfloat16 checkpoint on a processor with AMX, unless `reproducible_products`.
    std::optional<precision> operands = precision::float32;
    /// Experts of a block with more bytes in float32 wait in a file beside the output, all but the one that
    /// is looked at; losses of what they read in common are then those of Gram matrices.
    std::size_t experts_in_memory = std::size_t{256} << 20;

    progress_callback progress;
    /// What was noticed before the run; the report begins with it, and it shows the run's own.
    notice_list notices;
};

/// The alternative of a variant; one with its defaults where it is another yet.
template <class Kind, class... Kinds>
Kind& as(std::variant<Kinds...>& from)
{
    if (Kind* const is = std::get_if<Kind>(&from)) return *is;
    return from.template emplace<Kind>();
}

/// The steps of a task that rounds; null of one that does not, or has steps of its own.
inline rounding_steps* rounding_of(run_task& task) noexcept
{
    if (quantize* const is = std::get_if<quantize>(&task)) return &is->rounding;
    if (write_gguf* const is = std::get_if<write_gguf>(&task)) return &is->rounding;
    return nullptr;
}

/// The formats of a task that has schemes; null of one that has a GGUF type.
inline std::vector<layer_format>* formats_of(run_task& task) noexcept
{
    if (quantize* const is = std::get_if<quantize>(&task)) return &is->formats;
    smooth* const is = std::get_if<smooth>(&task);
    simulated_schemes* const simulated = is ? std::get_if<simulated_schemes>(&is->simulated) : nullptr;
    return simulated ? &simulated->formats : nullptr;
}

} // namespace awq

#endif
