// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_PROGRESS_HPP
#define AWQ_REPORT_PROGRESS_HPP

#include <awq/support/requires_hosted.hpp>

#include <cstddef>
#include <functional>
#include <string_view>

namespace awq {

/// How far a run has come. The library never prints: whoever started the run decides what to show.
struct progress_event {
    std::string_view step; ///< what is being done: "block 3: search"
    std::size_t done = 0;  ///< units of work finished
    std::size_t total = 0; ///< units of work in all; 0 for a plain message
};

/// Called on the thread that does the run; may be empty.
using progress_callback = std::function<void(const progress_event&)>;

/// Calls back, if anybody listens: `done` of `total` steps.
inline void notify(const progress_callback& progress, std::string_view step, std::size_t done = 0,
                   std::size_t total = 0)
{
    if (progress) progress({step, done, total});
}

} // namespace awq

#endif
