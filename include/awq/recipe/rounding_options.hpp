// SPDX-License-Identifier: MIT
#ifndef AWQ_RECIPE_ROUNDING_OPTIONS_HPP
#define AWQ_RECIPE_ROUNDING_OPTIONS_HPP

#include <awq/support/requires_hosted.hpp>

#include <optional>

namespace awq {

/// Error feedback (GPTQ): each column's rounding error goes into the columns after it.
struct feedback_options {
    float damping = 0.01f; ///< of the Gram matrix, relative to its mean diagonal: 1e-6 to `largest_damping`

    bool operator==(const feedback_options&) const = default;
};

/// The sequential least-squares target: what a layer should compute after the layers before it were rounded.
struct least_squares_options {
    float lambda = 0.2f; ///< strength of the pull to the original weight, above 0
    float share = 0.5f;  ///< how much of the way to the target is gone
    float tokens = 4.0f; ///< so many for each channel, or there is no target

    bool operator==(const least_squares_options&) const = default;
};

/// The steps that choose codes, whatever their format; each helps on its own, they stack. The optional ones
/// solve with Gram matrices: an importance matrix has none, and leaves them out.
struct rounding_steps {
    bool importance = true; ///< weigh each column's rounding error by its mean x^2
    std::optional<feedback_options> error_feedback = feedback_options{};
    std::optional<least_squares_options> least_squares = least_squares_options{};

    bool operator==(const rounding_steps&) const = default;
};

/// Damping beyond that leaves nothing of the Gram matrix; a step that fails tries up to it.
inline constexpr float largest_damping = 1.0f;

/// How the codes of one layer are chosen, worked out for its format.
struct rounding_options {
    bool importance = true;       ///< weigh each column's rounding error by its mean x^2
    bool better_rounding = false; ///< GGUF: `gguf::rounding::best`
    int clip_steps = 20;          ///< schemes: candidates for each group's range; 1: no clipping
    bool error_feedback = true;
    float damping = feedback_options{}.damping;
    float least_squares_lambda = least_squares_options{}.lambda; ///< 0: no target
    float least_squares_share = least_squares_options{}.share;
    float least_squares_tokens = least_squares_options{}.tokens;
};

} // namespace awq

#endif
