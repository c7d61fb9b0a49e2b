// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_RUN_SETTINGS_HPP
#define AWQ_RUN_RUN_SETTINGS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/block_settings.hpp>
#include <awq/recipe/oneshot_options.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

/// What a run does beside the work on its blocks.
struct model_settings {
    std::string model, dataset, imatrix;
    std::string output, output_smoothed, output_dequantized, output_awq, output_imatrix, report;
    bool overwrite = false, resume = false;

    bool compensate = false;
    bool smoothing = false;
    std::optional<std::vector<mapping_pattern>> mappings; ///< a user's own
    std::string mappings_recipe;
    bool clip_weights = false; ///< of a task that only smooths: `rounding.clip_steps`
    bool search_clipping = false;
    std::vector<layer_format> formats; ///< of schemes, in the output or only in the search
    std::string gguf_type;             ///< of the GGUF file that is written
    std::string target;                ///< the GGUF type that is simulated where none is written
    std::vector<std::string> tensor_types;
    bool measured_types = false;
    std::vector<std::string> ignore;
    std::string ignore_recipe;

    bool all_experts = false;
    std::size_t experts_in_memory = 0;
    std::optional<precision> operands;
    std::optional<dtype> hidden_states;
    std::size_t num_calibration_samples = sample_calibration{}.num_calibration_samples;
    std::size_t max_seq_length = sample_calibration{}.max_seq_length;
    progress_callback progress;
};

/// What a run does, worked out once from what is asked for: the values of all kinds of tasks side by side, those
/// that the task does not have at what leaves them out.
struct run_settings : block_settings, model_settings {};

namespace detail {

/// Writes the alternatives of a request into the settings of its run.
struct settle {
    run_settings& into;

    void operator()(const sample_calibration& from) const
    {
        into.dataset = from.dataset;
        into.num_calibration_samples = from.num_calibration_samples;
        into.max_seq_length = from.max_seq_length;
        into.all_experts = from.all_experts;
        into.hidden_states = from.hidden_states;
    }
    /// It says nothing about the output of a block, nor how inputs go together.
    void operator()(const matrix_calibration& from) const
    {
        into.imatrix = from.imatrix;
        into.loss = loss_kind::gram;
        into.rounding.error_feedback = false;
        into.rounding.least_squares_lambda = 0;
    }

    void operator()(const smoothing_options& from) const
    {
        into.smoothing = true;
        into.smooth_grouped_query = from.smooth_grouped_query;
        into.search = from.search;
        into.loss = from.loss;
        into.exact_loss_tokens = from.exact_loss_tokens;
        into.search_tokens = from.search_tokens;
        std::visit(*this, from.mappings);
    }
    void operator()(mapping_choice from) const { into.all_mappings = from == mapping_choice::all; }
    void operator()(const own_mappings& from) const
    {
        into.mappings = from.patterns;
        into.mappings_recipe = from.recipe;
    }

    void operator()(const quantize& from) const
    {
        into.formats = from.formats;
        (*this)(from.rounding);
        into.rounding.clip_steps = from.clip_steps;
        into.search_clipping = from.search_clipping;
        into.output_dequantized = from.output_dequantized;
        into.output_awq = from.output_awq;
    }
    void operator()(const write_gguf& from) const
    {
        into.gguf_type = from.type;
        into.tensor_types = from.tensor_types;
        into.measured_types = from.measured_types;
        (*this)(from.rounding);
        into.rounding.better_rounding = from.better_rounding;
        into.output_dequantized = from.output_dequantized;
    }
    void operator()(const smooth& from) const
    {
        into.smoothing_only = true;
        std::visit(*this, from.simulated);
    }
    void operator()(const simulated_schemes& from) const
    {
        into.formats = from.formats;
        into.clip_weights = from.clip_steps.has_value();
        into.rounding.clip_steps = from.clip_steps.value_or(into.rounding.clip_steps);
    }
    void operator()(const simulated_type& from) const
    {
        into.target = from.target;
        into.tensor_types = from.tensor_types;
    }
    void operator()(const compensate& from) const
    {
        into.compensate = true;
        into.target = from.target;
        into.tensor_types = from.tensor_types;
        (*this)(from.least_squares);
        into.rounding.error_feedback = false; // llama.cpp's quantizer has none
        into.output_dequantized = from.output_dequantized;
    }

    void operator()(const rounding_steps& from) const
    {
        into.rounding.importance = from.importance;
        into.rounding.error_feedback = from.error_feedback.has_value();
        into.rounding.damping = from.error_feedback.value_or(feedback_options{}).damping;
        into.rounding.least_squares_lambda = 0;
        if (from.least_squares) (*this)(*from.least_squares);
    }
    void operator()(const least_squares_options& from) const
    {
        into.rounding.least_squares_lambda = from.lambda;
        into.rounding.least_squares_share = from.share;
        into.rounding.least_squares_tokens = from.tokens;
    }
};

} // namespace detail

/// The settings of a run of this request, which `check_request` has found to be one.
inline run_settings settings_of(const oneshot_options& from)
{
    run_settings made;
    made.model = from.model;
    made.output = from.output;
    made.output_smoothed = from.output_smoothed;
    made.output_imatrix = from.output_imatrix;
    made.report = from.report;
    made.overwrite = from.overwrite;
    made.resume = from.resume;
    made.ignore = from.ignore;
    made.ignore_recipe = from.ignore_recipe;
    made.operands = from.operands;
    made.experts_in_memory = from.experts_in_memory;
    made.progress = from.progress;
    const detail::settle settle{made};
    if (from.smoothing) settle(*from.smoothing);
    std::visit(settle, from.task);
    std::visit(settle, from.calibration); // last: an importance matrix leaves steps out
    return made;
}

/// The options that a report records, by their flags' names; those of the rounding where a run rounds.
inline std::vector<std::pair<std::string, std::string>> describe(const run_settings& settings)
{
    const auto yes_or_no = [](bool value) { return std::string{value ? "true" : "false"}; };
    std::vector<std::pair<std::string, std::string>> made{
        {"dataset", settings.dataset},
        {"num_calibration_samples", std::to_string(settings.num_calibration_samples)},
        {"max_seq_length", std::to_string(settings.max_seq_length)},
        {"n_grid", std::to_string(settings.search.n_grid)},
        {"duo_scaling", name_of(settings.search.duo_scaling)},
        {"loss", name_of(settings.loss)},
        {"precision", settings.operands ? name_of(*settings.operands) : "auto"},
        {"hidden_states", settings.hidden_states == dtype::bf16 ? "bfloat16" : "float32"},
        {"smoothing", yes_or_no(settings.smoothing)},
        {"all_mappings", yes_or_no(settings.all_mappings)},
        {"all_experts", yes_or_no(settings.all_experts)},
        {"smooth_grouped_query", yes_or_no(settings.smooth_grouped_query)}};
    if (settings.smoothing_only) return made;
    const rounding_options& rounding = settings.rounding;
    made.insert(made.end(), {{"search_clipping", yes_or_no(settings.search_clipping)},
                             {"importance", yes_or_no(rounding.importance)},
                             {"better_rounding", yes_or_no(rounding.better_rounding)},
                             {"clip_steps", std::to_string(rounding.clip_steps)},
                             {"error_feedback", yes_or_no(rounding.error_feedback)},
                             {"damping", std::to_string(rounding.damping)},
                             {"least_squares", std::to_string(rounding.least_squares_lambda)},
                             {"least_squares_share", std::to_string(rounding.least_squares_share)}});
    return made;
}

} // namespace awq

#endif
