// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_OUTPUT_FILE_HPP
#define AWQ_IO_OUTPUT_FILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/output_path.hpp>
#include <awq/io/partial_output.hpp>
#include <awq/support/result.hpp>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace awq {

/// One output file that appears only when it is complete: write to `path()`, then `commit()`.
/// Without a commit the temporary file is removed and the target stays as it was.
class output_file {
public:
    /// Takes a temporary place beside the target, and removes those of dead runs that the group does not
    /// adopt. Errors: `file_exists`
    /// if the target is there and `overwrite` is false, or is no regular file; `file_not_found` if its
    /// directory is not there; `file_unwritable`.
    static result<output_file> create(const std::string& target, const output_policy& policy)
    {
        AWQ_TRY(const detail::output_place place, detail::find_output_place(target));
        detail::clear_leftovers(place, policy.group);
        std::error_code ignored;
        const auto kind = std::filesystem::status(place.path(), ignored).type();
        if (kind != std::filesystem::file_type::not_found) {
            if (!policy.overwrite) return detail::output_error(place, EEXIST);
            if (kind != std::filesystem::file_type::regular)
                return error{error_code::file_exists, target,
                             ": is there and is not a regular file; choose another output"};
        }
        AWQ_TRY(auto partial, detail::partial_output::create(place, policy.group));
        return output_file{std::move(partial), policy.overwrite};
    }

    /// Where to write: a path at which nothing is yet.
    std::string path() const { return partial_.where().path; }
    /// The same, with the name that errors give it.
    output_path where() const { return partial_.where(); }
    /// Where the file will be.
    std::string target() const { return partial_.place().path().string(); }

    /// Flushes the file. Error: `file_unwritable`.
    status prepare()
    {
        if (!prepared_) AWQ_CHECK(detail::flush_path(where()));
        prepared_ = true;
        return {};
    }

    /// Prepares it unless that is done, and moves it into place. Errors: `file_exists`,
    /// `file_unwritable`.
    status commit()
    {
        AWQ_CHECK(prepare());
        return overwrite_ ? partial_.replace_file() : partial_.put_in_place();
    }

private:
    output_file(detail::partial_output&& partial, bool overwrite) : partial_(std::move(partial)), overwrite_(overwrite)
    {}

    detail::partial_output partial_;
    bool overwrite_;
    bool prepared_ = false;
};

} // namespace awq

#endif
