// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_EXPERT_REPORT_HPP
#define AWQ_REPORT_EXPERT_REPORT_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace awq {

/// How many of the calibration tokens each expert of a block was given.
struct expert_report {
    std::string layer;                 ///< "model.layers.3"
    std::vector<std::uint64_t> tokens; ///< of each expert, at least one entry
    std::vector<std::string> few;      ///< names of those with few tokens

    std::uint64_t fewest() const { return *std::ranges::min_element(tokens); }
    std::uint64_t most() const { return *std::ranges::max_element(tokens); }
    std::size_t unused() const { return static_cast<std::size_t>(std::ranges::count(tokens, std::uint64_t{0})); }
};

} // namespace awq

#endif
