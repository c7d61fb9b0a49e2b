// SPDX-License-Identifier: MIT
#ifndef AWQ_SEARCH_SEARCH_OUTCOME_HPP
#define AWQ_SEARCH_SEARCH_OUTCOME_HPP

#include <cstddef>
#include <span>

namespace awq {

/// What a scale search found. Spans lie in the workspace that the search was given.
struct search_outcome {
    /// One scale for each channel of the smooth layer; all 1 where nothing was better. In double,
    /// because W s must round as in the search for the quantizer to find the same codes again.
    std::span<const double> best_scales;
    double best_ratio = 0.0;
    /// Whether the best candidate took the weights' magnitude into account.
    bool duo_scaling = false;
    /// The loss without smoothing, and with the best scales. best_error <= initial_error.
    double initial_error = 0.0;
    double best_error = 0.0;
    std::size_t candidates = 0; ///< tried, identity among them
    /// Candidates whose scales or loss were not finite, or whose scales cannot be stored.
    std::size_t skipped_candidates = 0;
    /// The loss of every candidate in grid order (the cheap loss in a screened search).
    std::span<const double> candidate_errors;
};

} // namespace awq

#endif
