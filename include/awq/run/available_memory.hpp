// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_AVAILABLE_MEMORY_HPP
#define AWQ_RUN_AVAILABLE_MEMORY_HPP

#include <awq/support/requires_hosted.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace awq {

namespace detail {

/// The number behind a word of a text file, or, without a word, its first.
inline std::optional<std::uint64_t> number_in(const std::filesystem::path& file, std::string_view word = {})
{
    std::ifstream text{file};
    std::uint64_t number = 0;
    for (std::string each; !word.empty() && each != word;)
        if (!(text >> each)) return std::nullopt;
    return text >> number ? std::optional{number} : std::nullopt;
}

/// What a control group leaves its programs, the pages of files apart, which give way; none without a limit.
/// `limit`, `used`: the names of its files and facts.
inline std::optional<std::uint64_t> left_in_group(const std::filesystem::path& group, const char* limit,
                                                  std::string_view used)
{
    const auto most = number_in(group / limit);
    const auto taken = number_in(group / "memory.stat", used);
    if (!most || !taken) return std::nullopt;
    return *most - std::min(*most, *taken);
}

/// The least that a group or one that it is in leaves. `mount`: of the hierarchy; a container sees its own group there.
inline std::uint64_t left_in_groups(const std::filesystem::path& mount, const std::filesystem::path& group,
                                    const char* limit, std::string_view used)
{
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    for (std::filesystem::path at = group.relative_path();; at = at.parent_path()) {
        if (const auto left = left_in_group(mount / at, limit, used)) least = std::min(least, *left);
        if (at.empty()) return least;
    }
}

} // namespace detail

/// The resident bytes that this program may come to have before the system runs out of memory, or its control groups
/// (Linux: versions 1 and 2) do. The largest number where nothing is known.
inline std::uint64_t memory_for_this_process()
{
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    if (const auto free = detail::number_in("/proc/meminfo", "MemAvailable:"))
        least = (*free + detail::number_in("/proc/meminfo", "SwapFree:").value_or(0)) * 1024;
    std::ifstream groups{"/proc/self/cgroup"}; // "4:memory:/path", or "0::/path" in version 2
    for (std::string line; std::getline(groups, line);) {
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string kind = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
        if (kind.empty())
            least = std::min(least, detail::left_in_groups("/sys/fs/cgroup", path, "memory.max", "anon"));
        else if (kind == "memory")
            least = std::min(
                least, detail::left_in_groups("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", "total_rss"));
    }
    const std::uint64_t own = detail::number_in("/proc/self/status", "RssAnon:").value_or(0) * 1024;
    return least > std::numeric_limits<std::uint64_t>::max() - own ? least : least + own;
}

} // namespace awq

#endif
