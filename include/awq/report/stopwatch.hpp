// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_STOPWATCH_HPP
#define AWQ_REPORT_STOPWATCH_HPP

#include <awq/support/requires_hosted.hpp>

#include <chrono>

namespace awq {

/// Seconds since it was made or last asked.
class stopwatch {
public:
    double lap() noexcept
    {
        const auto now = clock::now();
        const std::chrono::duration<double> passed = now - last_;
        last_ = now;
        return passed.count();
    }

private:
    using clock = std::chrono::steady_clock;
    clock::time_point last_ = clock::now();
};

} // namespace awq

#endif
