// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_PROCESS_USAGE_HPP
#define AWQ_RUN_PROCESS_USAGE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/stopwatch.hpp>

#include <sys/resource.h>

#include <cstdint>
#include <fstream>
#include <string>

namespace awq {

/// The most memory that this process has had resident so far, in bytes. Pages of mapped files count.
///
/// From Linux's process status. `getrusage`, where there is none, begins with the peak of the
/// program that started this one.
inline std::uint64_t peak_rss_bytes()
{
    std::ifstream facts{"/proc/self/status"};
    for (std::string word; facts >> word;) {
        std::uint64_t kibibytes = 0;
        if (word == "VmHWM:" && facts >> kibibytes) return kibibytes * 1024;
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

} // namespace awq

#endif
