// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_RENAME_HPP
#define AWQ_IO_RENAME_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/output_path.hpp>
#include <awq/io/read_file.hpp>
#include <awq/support/result.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

/// Moving finished outputs into place.
namespace awq::detail {

/// Flushes a file or a directory to the disk: of a directory its own entries only.
inline status flush_path(const output_path& where)
{
    const file_descriptor opened = open_descriptor(where.path, O_RDONLY | O_NONBLOCK);
    // EINVAL, EROFS: the file system cannot flush this kind of entry; nothing more can be done.
    if (!opened || (::fsync(opened.number()) != 0 && errno != EINVAL && errno != EROFS))
        return error{error_code::file_unwritable, where.shown, ": cannot flush: ", std::strerror(errno)};
    return {};
}

/// Whether an errno value says that this system or file system does not know a kind of renaming.
constexpr bool is_unknown_rename(int reason) noexcept
{
    return reason == EINVAL || reason == ENOSYS || reason == EOPNOTSUPP;
}

/// Renames in one step; fails with EEXIST rather than replace a target that is there. 0, or an
/// errno value.
inline int rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to)
{
#if defined(__linux__) && defined(RENAME_NOREPLACE)
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    if (!is_unknown_rename(errno)) return errno;
#endif
    struct ::stat about {};
    if (::lstat(to.c_str(), &about) == 0) return EEXIST;
    return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

/// Swaps two directories in two steps: `to` moves to `aside` first and comes back if the second move
/// fails. 0, or an errno value.
inline int swap_in_two_steps(const std::filesystem::path& from, const std::filesystem::path& to,
                             const std::filesystem::path& aside)
{
    if (::rename(to.c_str(), aside.c_str()) != 0) return errno;
    if (::rename(from.c_str(), to.c_str()) == 0) return 0;
    const int reason = errno;
    static_cast<void>(::rename(aside.c_str(), to.c_str()));
    return reason;
}

/// Puts a directory in the place of another. The old one is afterwards at `from`, or at `aside` where the
/// system cannot exchange names in one step. 0, or an errno value.
inline int swap_in(const std::filesystem::path& from, const std::filesystem::path& to,
                   const std::filesystem::path& aside)
{
#if defined(__linux__) && defined(RENAME_EXCHANGE)
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return 0;
    if (!is_unknown_rename(errno)) return errno;
#endif
    return swap_in_two_steps(from, to, aside);
}

} // namespace awq::detail

#endif
