// SPDX-License-Identifier: MIT
#ifndef AWQ_DEVICE_FOUND_SCALES_HPP
#define AWQ_DEVICE_FOUND_SCALES_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <vector>

namespace awq {

/// What the search of a mapping found; see `search_outcome`.
struct found_scales {
    std::vector<double> scales; ///< one for each channel of the smooth layer; all 1 where nothing was better
    double ratio = 0.0;
    bool duo_scaling = false;
    double initial_error = 0.0, best_error = 0.0;
    std::size_t skipped_candidates = 0;
};

} // namespace awq

#endif
