// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_OUTPUT_DIRECTORY_HPP
#define AWQ_IO_OUTPUT_DIRECTORY_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/directory_entries.hpp>
#include <awq/io/output_path.hpp>
#include <awq/io/partial_output.hpp>
#include <awq/support/result.hpp>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace awq {

/// An output directory that appears only when it is complete: fill `path()`, then `commit()`.
/// Without a commit the temporary directory is removed and the target stays as it was.
class output_directory {
public:
    /// Makes an empty temporary directory beside the target, and removes those of dead runs that the
    /// group does not adopt. Errors:
    /// `file_exists` if the target is there and `overwrite` is false, or is something that must not be
    /// replaced: only a directory that is empty or holds a config.json is. `file_not_found` if the
    /// directory that it shall be in is not there; `file_unwritable`.
    static result<output_directory> create(const std::string& target, const output_policy& policy)
    {
        AWQ_TRY(const detail::output_place place, detail::find_output_place(target));
        detail::clear_leftovers(place, policy.group);
        AWQ_CHECK(check_target(place, policy.overwrite));
        AWQ_TRY(auto partial, detail::partial_output::create(place, policy.group));
        output_directory made{std::move(partial), policy.overwrite};
        if (::mkdir(made.path().c_str(), 0777) == 0 || (errno == EEXIST && policy.group)) return made;
        return error{error_code::file_unwritable, target, ": cannot be written there: ", std::strerror(errno)};
    }

    /// The temporary directory to write to.
    std::string path() const { return partial_.where().path; }
    /// The same, with the name that errors give it.
    output_path where() const { return partial_.where(); }
    /// Where the directory will be.
    std::string target() const { return partial_.place().path().string(); }

    /// Flushes every file and directory. Error: `file_unwritable`.
    status prepare()
    {
        if (!prepared_) AWQ_CHECK(flush_all());
        prepared_ = true;
        return {};
    }

    /// Prepares it unless that is done, and moves the whole into place in one step. A target that is
    /// overwritten stays whole until then and is removed afterwards. Errors: `file_exists`,
    /// `file_unwritable`.
    status commit()
    {
        AWQ_CHECK(prepare());
        const status done = partial_.put_in_place();
        if (done || done.error().code() != error_code::file_exists || !overwrite_) return done;
        AWQ_CHECK(check_target(partial_.place(), overwrite_));
        return partial_.replace_directory();
    }

private:
    output_directory(detail::partial_output&& partial, bool overwrite)
        : partial_(std::move(partial)), overwrite_(overwrite)
    {}

    static status check_target(const detail::output_place& place, bool overwrite)
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        const fs::path target = place.path();
        const auto kind = fs::status(target, failure).type();
        if (kind == fs::file_type::not_found) return {};
        if (!overwrite) return detail::output_error(place, EEXIST);
        if (kind != fs::file_type::directory)
            return error{error_code::file_exists, place.given, ": is there and is no directory; choose another output"};
        if (fs::exists(target / "config.json", failure) || fs::is_empty(target, failure)) return {};
        return error{error_code::file_exists, place.given,
                     ": is not a model directory (it has no config.json) and is not overwritten; "
                     "choose another output"};
    }

    status flush_all() const
    {
        namespace fs = std::filesystem;
        const output_path root = where();
        std::error_code failure;
        status flushed;
        visit_below(root.path, failure, [&](const fs::path& path, fs::file_type kind) {
            if (flushed && (kind == fs::file_type::regular || kind == fs::file_type::directory))
                flushed = detail::flush_path(root / path.string().substr(root.path.size() + 1));
            return true;
        });
        AWQ_CHECK(flushed);
        if (failure) return error{error_code::file_unwritable, root.shown, ": ", failure.message().c_str()};
        return detail::flush_path(root);
    }

    detail::partial_output partial_;
    bool overwrite_;
    bool prepared_ = false;
};

} // namespace awq

#endif
