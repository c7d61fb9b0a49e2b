// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_CHECK_OUTPUTS_HPP
#define AWQ_IO_CHECK_OUTPUTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/directory_entries.hpp>
#include <awq/io/output_place.hpp>
#include <awq/support/result.hpp>
#include <sys/stat.h>
#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace awq {

/// A path of a request, and what it is there: "--output". Both are empty where nothing is given.
struct named_path {
    std::string name;
    std::string path;

    std::string text() const { return name.empty() ? path : name + " " + path; }
};

namespace detail {

/// What a file is, whatever leads to it: links, hard links and mounts change the path only.
using file_identity = std::pair<::dev_t, ::ino_t>;
using file_identities = std::set<file_identity>;

inline std::optional<file_identity> identity_of(const std::filesystem::path& path)
{
    struct ::stat about {};
    if (::stat(path.c_str(), &about) != 0) return std::nullopt;
    return file_identity{about.st_dev, about.st_ino};
}

/// Adds a path, as far as it is there, and the directories that it lies in.
inline void add_upwards(const std::filesystem::path& path, file_identities& into)
{
    namespace fs = std::filesystem;
    std::error_code failure;
    fs::path at = fs::weakly_canonical(fs::absolute(path, failure), failure);
    while (!failure && !at.empty()) {
        if (const auto found = identity_of(at)) into.insert(*found);
        if (at == at.root_path()) return;
        at = at.parent_path();
    }
}

/// The files that an input consists of.
struct input_files {
    file_identities inside; ///< itself, what lies in it, and the files that links in it lead to
    file_identities around; ///< the directories that any of those lie in

    static input_files of(const std::filesystem::path& input)
    {
        namespace fs = std::filesystem;
        input_files found;
        found.add(input);
        std::error_code failure;
        visit_below(input, failure, [&](const fs::path& path, fs::file_type kind) {
            std::error_code ignored;
            if (kind != fs::file_type::symlink) {
                if (const auto each = identity_of(path)) found.inside.insert(*each);
            } else if (fs::is_regular_file(path, ignored)) {
                found.add(path);
            }
            return true;
        });
        return found;
    }

private:
    void add(const std::filesystem::path& path)
    {
        if (const auto each = identity_of(path)) inside.insert(*each);
        add_upwards(path, around);
    }
};

inline bool meet(const file_identities& a, const file_identities& b)
{
    return std::any_of(a.begin(), a.end(), [&](const auto& each) { return b.contains(each); });
}

inline status check_apart(const named_path& output, const named_path& input, const input_files& files)
{
    file_identities above;
    add_upwards(output.path, above);
    const auto itself = identity_of(output.path);
    if (meet(above, files.inside))
        return error{error_code::invalid_argument, output.text(), ": is, or lies in, ", input.text(),
                     ", which is read; choose another output"};
    if (itself && files.around.contains(*itself))
        return error{error_code::invalid_argument, output.text(), ": contains ", input.text(),
                     ", which is read; choose another output"};
    return {};
}

inline bool is_same_place(const output_place& a, const output_place& b)
{
    return a.name == b.name && identity_of(a.parent) == identity_of(b.parent);
}

inline status check_pair(const named_path& one, const named_path& other)
{
    AWQ_TRY(const output_place a, find_output_place(one.path));
    AWQ_TRY(const output_place b, find_output_place(other.path));
    const auto first = identity_of(one.path), second = identity_of(other.path);
    file_identities above_first, above_second;
    add_upwards(one.path, above_first);
    add_upwards(other.path, above_second);
    if (is_same_place(a, b) || (first && first == second))
        return error{error_code::invalid_argument, one.text(), " and ", other.text(),
                     ": are one place; give each output its own"};
    if ((first && above_second.contains(*first)) || (second && above_first.contains(*second)))
        return error{error_code::invalid_argument, one.text(), " and ", other.text(),
                     ": one lies in the other; give each output its own place"};
    return {};
}

inline std::vector<named_path> given_paths(std::span<const named_path> paths)
{
    std::vector<named_path> given;
    std::copy_if(paths.begin(), paths.end(), std::back_inserter(given),
                 [](const named_path& each) { return !each.path.empty(); });
    return given;
}

} // namespace detail

/// Refuses outputs that would destroy what the same run reads or writes: an output that is an input, lies in
/// one or contains one, and two outputs in one place or one in the other. Files are compared by device and
/// inode, so links and mounts do not hide them. Errors: `invalid_argument`; those of an output's place.
inline status check_outputs(std::span<const named_path> outputs, std::span<const named_path> inputs)
{
    const auto written = detail::given_paths(outputs);
    for (const named_path& input : detail::given_paths(inputs)) {
        const auto files = detail::input_files::of(input.path);
        for (const named_path& output : written) AWQ_CHECK(detail::check_apart(output, input, files));
    }
    for (std::size_t i = 0; i < written.size(); ++i)
        for (std::size_t j = i + 1; j < written.size(); ++j) AWQ_CHECK(detail::check_pair(written[i], written[j]));
    return {};
}

/// The same for one output and the model that it is made from.
inline status check_output_apart(const std::string& target, const std::string& source)
{
    const named_path output{{}, target}, input{"the model", source};
    return check_outputs({&output, 1}, {&input, 1});
}

} // namespace awq

#endif
