// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_ONESHOT_OPTIONS_HPP
#define AWQ_PIPELINE_ONESHOT_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/model/mapping_pattern.hpp>
#include <awq/pipeline/progress.hpp>
#include <awq/search/search_options.hpp>

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
    std::size_t group_size = 128;               ///< 0: per channel
};

/// What `oneshot` is asked to do; the driver's flags and a recipe fill it.
struct oneshot_options {
    std::string model;   ///< directory of the checkpoint
    std::string dataset; ///< calibration text or JSONL
    std::string output;  ///< directory, or FILE.gguf
    std::string output_smoothed;
    std::string output_awq;
    std::string output_imatrix;
    bool overwrite = false;

    bool smoothing_only = false;
    bool smoothing = true; ///< false: plain rounding, for comparison
    std::vector<layer_format> formats; ///< first match wins; empty in `smoothing_only`
    std::size_t group_size = 128;      ///< of the rounding that a smoothing-only search simulates
    std::string gguf_type;             ///< of the GGUF file that is written: "q4_k_m"
    std::string target;                ///< the GGUF type that a smoothing-only search simulates
    std::vector<std::string> ignore{"lm_head"};
    std::optional<std::vector<mapping_pattern>> mappings; ///< instead of the architecture's own

    std::size_t num_calibration_samples = 128;
    std::size_t max_seq_length = 512;
    search_options search{};
    loss_kind loss = loss_kind::screened;
    std::size_t exact_loss_tokens = 16384; ///< of a screened search: tokens that decide

    progress_callback progress;
};

constexpr const char* name_of(loss_kind loss) noexcept
{
    switch (loss) {
    case loss_kind::parent_output: return "parent-output";
    case loss_kind::gram: return "gram";
    default: return "screened";
    }
}

constexpr const char* name_of(duo scaling) noexcept
{
    switch (scaling) {
    case duo::off: return "false";
    case duo::on: return "true";
    default: return "both";
    }
}

/// The options that a report records, by their flags' names.
inline std::vector<std::pair<std::string, std::string>> describe(const oneshot_options& options)
{
    return {{"dataset", options.dataset},
            {"num_calibration_samples", std::to_string(options.num_calibration_samples)},
            {"max_seq_length", std::to_string(options.max_seq_length)},
            {"n_grid", std::to_string(options.search.n_grid)},
            {"duo_scaling", name_of(options.search.duo_scaling)},
            {"loss", name_of(options.loss)},
            {"smoothing", options.smoothing ? "true" : "false"}};
}

} // namespace awq

#endif
