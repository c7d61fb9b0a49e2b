// SPDX-License-Identifier: MIT
#ifndef AWQ_PIPELINE_PROCESS_USAGE_HPP
#define AWQ_PIPELINE_PROCESS_USAGE_HPP

#include <awq/support/requires_hosted.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cstdint>

namespace awq {

/// The most memory that this process has had resident so far, in bytes. Pages of mapped files count.
inline std::uint64_t peak_rss_bytes() noexcept
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

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
