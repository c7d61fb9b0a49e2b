// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_OUTPUT_FILE_HPP
#define AWQ_IO_OUTPUT_FILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/rename.hpp>
#include <awq/support/result.hpp>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace awq {

/// One output file that appears only when it is complete: write to `path()`, then `commit()`.
/// Without a commit the temporary file is removed and the target stays as it was.
class output_file {
  public:
    /// Errors: `file_exists` if the target is there and `overwrite` is false, or is no regular
    /// file; `file_not_found` if its directory is not there.
    static result<output_file> create(const std::string& target, bool overwrite)
    {
        AWQ_TRY(const detail::output_place place, detail::find_output_place(target));
        std::error_code ignored;
        const auto kind = std::filesystem::status(place.path(), ignored).type();
        if (kind != std::filesystem::file_type::not_found) {
            if (!overwrite) return detail::output_error(place.path(), EEXIST);
            if (kind != std::filesystem::file_type::regular)
                return error{error_code::file_exists, place.path().string(),
                             ": is there and is not a regular file; choose another output"};
        }
        return output_file{place, overwrite};
    }

    output_file(output_file&& other) noexcept
        : place_(std::move(other.place_)), partial_(std::exchange(other.partial_, {})),
          overwrite_(other.overwrite_)
    {}
    output_file& operator=(output_file&& other) noexcept
    {
        std::swap(place_, other.place_);
        std::swap(partial_, other.partial_);
        std::swap(overwrite_, other.overwrite_);
        return *this;
    }
    ~output_file()
    {
        std::error_code ignored;
        if (!partial_.empty()) std::filesystem::remove(partial_, ignored);
    }

    /// Where to write: a name beside the target at which nothing is yet.
    std::string path() const { return partial_.string(); }
    /// Where the file will be.
    std::string target() const { return place_.path().string(); }

    /// Flushes the file and moves it into place. Errors: `file_exists`, `file_unwritable`.
    status commit()
    {
        AWQ_CHECK(detail::flush_path(partial_));
        const int reason =
            overwrite_ ? (std::rename(partial_.c_str(), place_.path().c_str()) == 0 ? 0 : errno)
                       : detail::rename_to_new(partial_, place_.path());
        if (reason != 0) return detail::output_error(place_.path(), reason);
        partial_.clear();
        return detail::flush_path(place_.parent);
    }

  private:
    output_file(const detail::output_place& place, bool overwrite)
        : place_(place), partial_(detail::partial_path(place)), overwrite_(overwrite)
    {}

    detail::output_place place_;
    std::filesystem::path partial_;
    bool overwrite_;
};

} // namespace awq

#endif
