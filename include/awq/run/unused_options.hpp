// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_UNUSED_OPTIONS_HPP
#define AWQ_RUN_UNUSED_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/recipe/oneshot_options.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace awq {

namespace detail {

/// The options of one kind that were set to something else than their default, by their flags' names.
class unused_options {
public:
    unused_options(const oneshot_options& options, notice_list& notices) : options_(options), notices_(notices) {}

    void search(std::string_view reason)
    {
        tell(reason, {{"n-grid", options_.search.n_grid != default_.search.n_grid},
                      {"duo-scaling", options_.search.duo_scaling != default_.search.duo_scaling},
                      {"loss", options_.loss != default_.loss},
                      {"mappings", options_.mappings.has_value()}});
    }
    void loss(std::string_view reason)
    {
        tell(reason, {{"loss", options_.loss != default_.loss && options_.loss != loss_kind::gram}});
    }
    void calibration(std::string_view reason)
    {
        tell(reason, {{"num-calibration-samples", options_.num_calibration_samples != default_.num_calibration_samples},
                      {"max-seq-length", options_.max_seq_length != default_.max_seq_length},
                      {"all-experts", options_.all_experts}});
    }
    void rounding(std::string_view reason)
    {
        tell(reason, {{"importance", rounding_.importance != default_.rounding.importance},
                      {"error-feedback", !rounding_.error_feedback}});
        damping(reason);
        least_squares(reason);
        if (!options_.clip_weights) clipping(reason);
    }
    void clipping(std::string_view reason)
    {
        tell(reason, {{"clip-steps", rounding_.clip_steps != default_.rounding.clip_steps}});
    }
    void damping(std::string_view reason)
    {
        tell(reason, {{"damping", rounding_.damping != default_.rounding.damping}});
    }
    void least_squares(std::string_view reason)
    {
        tell(reason, {{"least-squares", rounding_.least_squares_lambda != default_.rounding.least_squares_lambda}});
        share(reason);
    }
    void share(std::string_view reason)
    {
        tell(reason, {{"least-squares-share", rounding_.least_squares_share != default_.rounding.least_squares_share}});
    }
    void group_size(std::string_view reason)
    {
        tell(reason, {{"group-size", options_.group_size != default_.group_size}});
    }

private:
    struct named_choice {
        std::string_view name;
        bool chosen;
    };

    void tell(std::string_view reason, std::initializer_list<named_choice> all)
    {
        for (const named_choice& each : all)
            if (each.chosen) notices_.warn("--" + std::string{each.name} + " has no effect: " + std::string{reason});
    }

    const oneshot_options& options_;
    const rounding_options& rounding_ = options_.rounding;
    const oneshot_options default_{};
    notice_list& notices_;
};

} // namespace detail

/// Warns of each option that was given and changes nothing in the run that is asked for. An option
/// that has its default value is taken as not given.
inline void note_unused_options(const oneshot_options& options, notice_list& notices)
{
    detail::unused_options unused{options, notices};
    const bool blocks = !options.gguf_type.empty() || !options.target.empty();
    if (!options.smoothing) unused.search("nothing is smoothed");
    if (options.smoothing_only)
        unused.rounding("the weights stay in 16 bits");
    else if (blocks)
        unused.clipping("the ranges of GGUF types are not clipped");
    if (blocks) unused.group_size("GGUF types have groups of their own");
    if (!options.imatrix.empty()) {
        if (options.smoothing) unused.loss("an importance matrix knows the loss 'gram' only");
        unused.calibration("an importance matrix takes the place of samples");
    }
    if (options.smoothing_only) return;
    if (!options.imatrix.empty()) {
        unused.damping("an importance matrix has no Gram matrix");
        unused.least_squares("an importance matrix has no Gram matrix");
    } else if (options.compensate) {
        unused.damping("llama.cpp's quantizer has no error feedback");
    } else if (!options.rounding.error_feedback) {
        unused.damping("there is no error feedback");
    }
    if (!(options.rounding.least_squares_lambda > 0) && options.imatrix.empty())
        unused.share("there is no least-squares target");
}

} // namespace awq

#endif
