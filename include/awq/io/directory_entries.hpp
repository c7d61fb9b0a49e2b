// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_DIRECTORY_ENTRIES_HPP
#define AWQ_IO_DIRECTORY_ENTRIES_HPP

#include <awq/support/requires_hosted.hpp>
#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace awq {

/// The names in a directory, sorted; `failure` says where they cannot be read. Those of std::filesystem's iterators
/// need memory where nothing may throw.
inline std::vector<std::string> names_in(const std::filesystem::path& directory, std::error_code& failure)
{
    std::vector<std::string> names;
    const std::unique_ptr<::DIR, int (*)(::DIR*)> open{::opendir(directory.c_str()), &::closedir};
    errno = open ? 0 : errno;
    for (const ::dirent* each = nullptr; open && (each = ::readdir(open.get())) != nullptr; errno = 0)
        if (const std::string_view name = each->d_name; name != "." && name != "..") names.emplace_back(name);
    if (errno != 0) failure = {errno, std::generic_category()};
    std::sort(names.begin(), names.end());
    return names;
}

/// The same, and none where they cannot be read.
inline std::vector<std::string> names_in(const std::filesystem::path& directory)
{
    std::error_code ignored;
    return names_in(directory, ignored);
}

/// Calls visit(path, kind) for everything below a directory, links not followed, and goes into a directory for which
/// it gives true. Stops at a directory that cannot be read, which `failure` then says.
template <class Visit>
void visit_below(const std::filesystem::path& directory, std::error_code& failure, const Visit& visit)
{
    namespace fs = std::filesystem;
    for (const std::string& name : names_in(directory, failure)) {
        const fs::path path = directory / name;
        std::error_code ignored;
        const fs::file_type kind = fs::symlink_status(path, ignored).type();
        if (visit(path, kind) && kind == fs::file_type::directory && !failure) visit_below(path, failure, visit);
    }
}

} // namespace awq

#endif
