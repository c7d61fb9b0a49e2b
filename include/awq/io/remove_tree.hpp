// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_REMOVE_TREE_HPP
#define AWQ_IO_REMOVE_TREE_HPP

#include <awq/support/requires_hosted.hpp>
#include <ftw.h>
#include <sys/stat.h>

#include <cstdio>

namespace awq::detail {

/// Removes a file, or a directory with all that is in it; links are removed, not followed. What cannot be
/// removed stays. For destructors and signals: std::filesystem's own throws where there is no memory.
inline void remove_tree(const char* path) noexcept
{
    constexpr int open_directories = 16;
    const auto remove_one = [](const char* each, const struct ::stat*, int, struct ::FTW*) {
        std::remove(each);
        return 0;
    };
    ::nftw(path, remove_one, open_directories, FTW_DEPTH | FTW_PHYS);
}

} // namespace awq::detail

#endif
