// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_OUTPUT_DIRECTORY_HPP
#define AWQ_IO_OUTPUT_DIRECTORY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/rename.hpp>
#include <awq/support/result.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace awq {

/// Whether `inner` is `outer` or lies somewhere in it; both are resolved first.
inline bool is_within(const std::string& inner, const std::string& outer)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    const auto resolve = [&](const std::string& path) {
        fs::path resolved = fs::weakly_canonical(fs::absolute(fs::path{path}, failure), failure);
        return resolved.has_filename() ? resolved : resolved.parent_path();
    };
    const fs::path a = resolve(inner);
    const fs::path b = resolve(outer);
    return std::mismatch(b.begin(), b.end(), a.begin(), a.end()).first == b.end();
}

/// `invalid_argument` if the output directory is the source directory, lies in it, or contains it.
inline status check_output_apart(const std::string& target, const std::string& source)
{
    if (is_within(target, source))
        return error{error_code::invalid_argument, target,
                     ": is, or lies in, the source directory ", source, "; choose another output"};
    if (is_within(source, target))
        return error{error_code::invalid_argument, target, ": contains the source directory ",
                     source, "; choose another output"};
    return {};
}

/// An output directory that appears only when it is complete: fill `path()`, then `commit()`.
/// Without a commit the temporary directory is removed and the target stays as it was.
class output_directory {
  public:
    /// Makes an empty temporary directory beside the target. Errors: `file_exists` if the target is
    /// there and `overwrite` is false, or is something that must not be replaced: only a directory
    /// that is empty or holds a config.json is. `file_not_found` if the directory that it shall be
    /// in is not there; `file_unwritable`.
    static result<output_directory> create(const std::string& target, bool overwrite)
    {
        AWQ_TRY(const detail::output_place place, detail::find_output_place(target));
        AWQ_CHECK(check_target(place.path(), overwrite));
        for (unsigned attempt = 0; attempt < 100; ++attempt) {
            const std::filesystem::path partial = detail::partial_path(place);
            if (::mkdir(partial.c_str(), 0777) == 0)
                return output_directory{place, partial, overwrite};
            if (errno != EEXIST) break; // EEXIST: left over from a process with the same number
        }
        return error{error_code::file_unwritable, place.parent.string(),
                     ": cannot create a directory here: ", std::strerror(errno)};
    }

    output_directory(output_directory&& other) noexcept
        : place_(std::move(other.place_)), partial_(std::exchange(other.partial_, {})),
          overwrite_(other.overwrite_)
    {}
    output_directory& operator=(output_directory&& other) noexcept
    {
        std::swap(place_, other.place_);
        std::swap(partial_, other.partial_);
        std::swap(overwrite_, other.overwrite_);
        return *this;
    }
    ~output_directory()
    {
        std::error_code ignored;
        if (!partial_.empty()) std::filesystem::remove_all(partial_, ignored);
    }

    /// The temporary directory to write to.
    std::string path() const { return partial_.string(); }
    /// Where the directory will be.
    std::string target() const { return place_.path().string(); }

    /// Flushes every file and directory, then moves the whole into place in one step. A target that
    /// is overwritten stays whole until then and is removed afterwards. Errors: `file_exists`,
    /// `file_unwritable`.
    status commit()
    {
        AWQ_CHECK(flush_all());
        int reason = detail::rename_to_new(partial_, place_.path());
        if (reason == EEXIST && overwrite_) {
            AWQ_CHECK(check_target(place_.path(), overwrite_));
            const std::filesystem::path aside = detail::partial_path(place_);
            reason = detail::swap_in(partial_, place_.path(), aside);
            std::error_code
                ignored; // the new directory is in place: the old one is only in the way
            if (reason == 0) std::filesystem::remove_all(aside, ignored);
        }
        if (reason != 0) return detail::output_error(place_.path(), reason);
        partial_.clear();
        return detail::flush_path(place_.parent);
    }

  private:
    output_directory(const detail::output_place& place, const std::filesystem::path& partial,
                     bool overwrite)
        : place_(place), partial_(partial), overwrite_(overwrite)
    {}

    static status check_target(const std::filesystem::path& target, bool overwrite)
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        const auto kind = fs::status(target, failure).type();
        if (kind == fs::file_type::not_found) return {};
        if (!overwrite) return detail::output_error(target, EEXIST);
        if (kind == fs::file_type::directory &&
            (fs::exists(target / "config.json", failure) || fs::is_empty(target, failure)))
            return {};
        return error{error_code::file_exists, target.string(),
                     ": is not a model directory (it has no config.json) and is not overwritten; "
                     "choose another output"};
    }

    status flush_all() const
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        for (fs::recursive_directory_iterator at{partial_, failure}, end; !failure && at != end;
             at.increment(failure)) {
            const fs::file_type kind = at->symlink_status(failure).type();
            if (kind == fs::file_type::regular || kind == fs::file_type::directory)
                AWQ_CHECK(detail::flush_path(at->path()));
        }
        if (failure)
            return error{error_code::file_unwritable, partial_.string(), ": ",
                         failure.message().c_str()};
        return detail::flush_path(partial_);
    }

    detail::output_place place_;
    std::filesystem::path partial_;
    bool overwrite_;
};

} // namespace awq

#endif
