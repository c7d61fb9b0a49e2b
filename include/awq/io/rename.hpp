// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_RENAME_HPP
#define AWQ_IO_RENAME_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/read_file.hpp>
#include <awq/support/result.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

/// Moving finished outputs into place, for `output_directory` and `output_file`.
namespace awq::detail {

/// A path split into the real directory that it is in and its last part. Links in the directory,
/// and a link that the path itself is, are resolved, so that what a link points to is replaced and
/// not the link.
struct output_place {
    std::filesystem::path parent;
    std::filesystem::path name;

    std::filesystem::path path() const { return parent / name; }
};

inline result<output_place> find_output_place(const std::string& target)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    fs::path resolved = fs::weakly_canonical(fs::absolute(fs::path{target}, failure), failure);
    if (failure) return error{error_code::file_unwritable, target, ": ", failure.message().c_str()};
    if (!resolved.has_filename()) resolved = resolved.parent_path();
    if (target.empty() || !resolved.has_filename() || resolved.filename() == "..")
        return error{error_code::invalid_argument, "\"", target, "\" cannot be an output path"};
    output_place place{resolved.parent_path(), resolved.filename()};
    if (!fs::is_directory(place.parent, failure))
        return error{error_code::file_not_found, place.parent.string(),
                     ": is not a directory; create it first"};
    return place;
}

/// ".name.partial-PID-N": beside the target, so that the final rename stays inside one file system.
inline std::filesystem::path partial_path(const output_place& place)
{
    static std::atomic<unsigned> counter{0};
    std::string name = ".";
    name += place.name.string().substr(0, 200);
    name += ".partial-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    return place.parent / name;
}

/// Flushes a file's or a directory's own entry to the disk.
inline status flush_path(const std::filesystem::path& path)
{
    const file_descriptor opened{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    // EINVAL, EROFS: the file system cannot flush this kind of entry; nothing more can be done.
    if (!opened || (::fsync(opened.number()) != 0 && errno != EINVAL && errno != EROFS))
        return error{error_code::file_unwritable, path.string(),
                     ": cannot flush: ", std::strerror(errno)};
    return {};
}

/// Renames in one step; fails with EEXIST rather than replace a target that is there. 0, or an
/// errno value.
inline int rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to)
{
#if defined(__linux__) && defined(RENAME_NOREPLACE)
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
#endif
    struct ::stat about {};
    if (::lstat(to.c_str(), &about) == 0) return EEXIST;
    return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

/// Swaps two directories in one step where the system can. Where it cannot, `to` moves to `aside`
/// first and comes back if the second move fails. Afterwards the old directory is at `aside`. 0, or
/// an errno value.
inline int swap_in(const std::filesystem::path& from, const std::filesystem::path& to,
                   const std::filesystem::path& aside)
{
#if defined(__linux__) && defined(RENAME_EXCHANGE)
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0)
        return ::rename(from.c_str(), aside.c_str()) == 0 ? 0 : errno;
    if (errno != EINVAL && errno != ENOSYS) return errno;
#endif
    if (::rename(to.c_str(), aside.c_str()) != 0) return errno;
    if (::rename(from.c_str(), to.c_str()) == 0) return 0;
    const int reason = errno;
    static_cast<void>(::rename(aside.c_str(), to.c_str()));
    return reason;
}

inline error output_error(const std::filesystem::path& target, int reason)
{
    if (reason == EEXIST || reason == ENOTEMPTY)
        return error{error_code::file_exists, target.string(),
                     ": is there already; choose another output or ask for overwriting"};
    return error{error_code::file_unwritable, target.string(),
                 ": cannot move the finished output into place: ", std::strerror(reason)};
}

} // namespace awq::detail

#endif
