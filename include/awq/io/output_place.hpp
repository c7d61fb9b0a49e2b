// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_OUTPUT_PLACE_HPP
#define AWQ_IO_OUTPUT_PLACE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

namespace awq::detail {

/// The place of an output: the real directory that it is in, and its last part. Links in the directory,
/// and a link that the path itself is, are resolved, so that what a link points to is replaced and not
/// the link.
struct output_place {
    std::filesystem::path parent;
    std::filesystem::path name;
    std::string given; ///< as it was asked for: errors call it so

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
    const output_place place{resolved.parent_path(), resolved.filename(), target};
    if (fs::is_directory(place.parent, failure)) return place;
    const bool there = fs::exists(place.parent, failure);
    return error{error_code::file_not_found, target, ": ", place.parent.string(),
                 there ? " is not a directory; choose another output" : " is not there; create that directory first"};
}

inline error output_error(const output_place& place, int reason)
{
    if (reason == EEXIST || reason == ENOTEMPTY)
        return error{error_code::file_exists, place.given,
                     ": is there already; choose another output or ask for overwriting"};
    return error{error_code::file_unwritable, place.given,
                 ": cannot move the finished output into place: ", std::strerror(reason)};
}

} // namespace awq::detail

#endif
