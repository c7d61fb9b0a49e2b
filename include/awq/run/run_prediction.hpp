// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_RUN_PREDICTION_HPP
#define AWQ_RUN_RUN_PREDICTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// Seconds by step.
using step_seconds = std::vector<std::pair<std::string, double>>;

/// The seconds of one step; 0 where it is not there.
inline double seconds_of(const step_seconds& all, const std::string& step)
{
    const auto found = std::ranges::find(all, step, &std::pair<std::string, double>::first);
    return found == all.end() ? 0.0 : found->second;
}

/// What a run will take, found without running it.
struct run_prediction {
    std::size_t samples = 0, tokens = 0, blocks = 0;
    std::uint64_t peak_bytes = 0;      ///< resident
    std::uint64_t available_bytes = 0; ///< that the process may have
    step_seconds seconds;              ///< "total" comes last
    std::vector<std::string> notes;    ///< what is not in it, one sentence each
};

} // namespace awq

#endif
