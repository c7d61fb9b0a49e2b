// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_ONESHOT_OPTIONS_HPP
#define AWQ_RECIPE_ONESHOT_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/precision.hpp>
#include <awq/model/mapping_pattern.hpp>
#include <awq/report/progress.hpp>
#include <awq/search/search_options.hpp>
#include <awq/support/notice.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Which loss decides between scale candidates.
enum class loss_kind {
    parent_output, ///< re-run the parent module for every candidate, as llm-compressor does
    gram,          ///< the linear layers' own output error, from Gram matrices
    screened,      ///< gram ranks all candidates, parent_output decides among the best few
};

/// How a run quantizes some layers.
struct layer_format {
    std::vector<std::string> targets{"Linear"}; ///< names, `re:` patterns, or "Linear"
    std::string scheme;                         ///< "W4A16_ASYM"
    std::optional<std::size_t> group_size;      ///< 0: per channel; empty: the scheme's own
    std::string recipe = {}; ///< the file that says so: targets that match nothing are then a warning
};

/// Damping beyond that leaves nothing of the Gram matrix; a step that fails tries up to it.
inline constexpr float largest_damping = 1.0f;

/// The steps that choose the codes when a run quantizes; each helps on its own, they stack.
struct rounding_options {
    bool importance = true; ///< weigh each column's rounding error by its mean x^2
    /// GGUF: a longer search for the scales of blocks than llama.cpp's (`gguf::rounding::best`).
    bool better_rounding = false;
    int clip_steps = 20;        ///< schemes: candidates for each group's range; 1: no clipping
    bool error_feedback = true; ///< GPTQ: feed each column's error into the columns after it
    /// Of the Gram matrix in the feedback, relative to its mean diagonal: 1e-6 to `largest_damping`.
    float damping = 0.01f;
    /// Strength of the pull to the original weight in the sequential least-squares target; 0: no
    /// target, every layer is rounded as if the layers before it were not.
    float least_squares_lambda = 0.2f;
    float least_squares_share = 0.5f;  ///< how much of the way to that target is gone
    float least_squares_tokens = 4.0f; ///< so many for each channel, or there is no target
};

/// What `oneshot` is asked to do; the driver's flags and a recipe fill it.
struct oneshot_options {
    std::string model;   ///< directory of the checkpoint
    std::string dataset; ///< calibration text or JSONL
    std::string imatrix; ///< llama.cpp's importance matrix, instead of a dataset
    std::string output;  ///< directory, or FILE.gguf
    std::string output_smoothed;
    std::string output_dequantized; ///< the quantized weights as they read back, in 16 bits
    std::string output_awq;
    std::string output_imatrix;
    std::string report; ///< FILE.html: a page for people; any other name: JSON
    std::string recipe; ///< where these options come from, if from a file: no output replaces it
    bool overwrite = false;
    /// Goes on behind the blocks that a run of the same request had finished when it was killed; where there is none,
    /// begins. What is done stays for the next when this run fails, too.
    bool resume = false;
    /// Checks all that a run checks before it begins, and opens nothing to write; for `predict`.
    bool dry_run = false;

    bool smoothing_only = false;
    /// Writes least-squares targets in 16 bits, for llama.cpp's quantizer to round to `target`.
    bool compensate = false;
    bool smoothing = true; ///< false: plain rounding, for comparison
    /// Smooths whatever can be smoothed exactly, not only what llm-compressor does.
    bool all_mappings = false;
    /// Experts of a block with more bytes in float32 wait in a file beside the output, all but the one that
    /// is looked at; losses of what they read in common are then those of Gram matrices.
    std::size_t experts_in_memory = std::size_t{256} << 20;
    bool all_experts = false;          ///< statistics of every expert are of all tokens, not of its own only
    bool smooth_grouped_query = false; ///< v_proj -> o_proj too where query heads share values
    /// Smoothing only: also clips the weights (`rounding.clip_steps`), which changes the function.
    bool clip_weights = false;
    bool search_clipping = false; ///< the search simulates the clipped ranges of schemes too
    /// First match wins. In `smoothing_only` what the search simulates; empty: W4A16_ASYM.
    std::vector<layer_format> formats;
    std::size_t group_size = 128;          ///< of that W4A16_ASYM
    std::string gguf_type;                 ///< of the GGUF file that is written: "q4_k_m"
    std::string target;                    ///< the GGUF type that is simulated where none is written
    std::vector<std::string> tensor_types; ///< "PATTERN=TYPE", for GGUF tensors
    bool measured_types = false;           ///< of a GGUF file: the other types by `measure_types`
    std::vector<std::string> ignore{"lm_head"};
    std::optional<std::vector<mapping_pattern>> mappings; ///< instead of the architecture's own
    std::string ignore_recipe;   ///< the file that `ignore` is from: what matches nothing is a warning
    std::string mappings_recipe; ///< the file that `mappings` are from

    /// Of the products of the forward pass, the statistics and the search; what is solved is float32.
    /// Empty: the run chooses, mixed for a bfloat16 checkpoint on a processor with AMX, unless `reproducible_products`.
    std::optional<precision> operands = precision::float32;
    dtype hidden_states = dtype::f32; ///< bf16: half the memory for the text, between blocks
    std::size_t num_calibration_samples = 128;
    std::size_t max_seq_length = 512;
    search_options search{};
    loss_kind loss = loss_kind::screened;
    std::size_t exact_loss_tokens = 2048; ///< of a screened search: tokens that decide
    /// Of the Gram matrices that only the search looks at, unless `loss` is the exact one: about so many tokens.
    std::size_t search_tokens = 8192;
    rounding_options rounding{};

    progress_callback progress;
    /// What was noticed before the run; the report begins with it, and it shows the run's own.
    notice_list notices;
};

/// As the flag and the report spell it.
constexpr const char* name_of(loss_kind loss) noexcept
{
    switch (loss) {
    case loss_kind::parent_output:
        return "parent-output";
    case loss_kind::gram:
        return "gram";
    default:
        return "screened";
    }
}

/// As the flag and the report spell it.
constexpr const char* name_of(duo scaling) noexcept
{
    switch (scaling) {
    case duo::off:
        return "false";
    case duo::on:
        return "true";
    default:
        return "both";
    }
}

/// The options that a report records, by their flags' names; those of the rounding where a run rounds.
inline std::vector<std::pair<std::string, std::string>> describe(const oneshot_options& options)
{
    const auto yes_or_no = [](bool value) { return std::string{value ? "true" : "false"}; };
    std::vector<std::pair<std::string, std::string>> made{
        {"dataset", options.dataset},
        {"num_calibration_samples", std::to_string(options.num_calibration_samples)},
        {"max_seq_length", std::to_string(options.max_seq_length)},
        {"n_grid", std::to_string(options.search.n_grid)},
        {"duo_scaling", name_of(options.search.duo_scaling)},
        {"loss", name_of(options.loss)},
        {"precision", options.operands ? name_of(*options.operands) : "auto"},
        {"hidden_states", options.hidden_states == dtype::bf16 ? "bfloat16" : "float32"},
        {"smoothing", yes_or_no(options.smoothing)},
        {"all_mappings", yes_or_no(options.all_mappings)},
        {"all_experts", yes_or_no(options.all_experts)},
        {"smooth_grouped_query", yes_or_no(options.smooth_grouped_query)}};
    if (options.smoothing_only) return made;
    const rounding_options& rounding = options.rounding;
    made.insert(made.end(), {{"search_clipping", yes_or_no(options.search_clipping)},
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
