// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_FINISH_OUTPUTS_HPP
#define AWQ_RUN_FINISH_OUTPUTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/output_directory.hpp>
#include <awq/io/output_file.hpp>
#include <awq/run/run_record.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace awq {

namespace detail {

/// 0 where there is nothing.
inline std::uint64_t inode_of(const std::string& path)
{
    struct ::stat about {};
    return ::lstat(path.c_str(), &about) == 0 ? std::uint64_t{about.st_ino} : 0;
}

using any_output = std::variant<output_directory, output_file>;

inline result<any_output> reopen(const finished_output& each, output_group& group)
{
    const output_policy policy{each.overwrite, &group};
    if (each.is_directory) {
        AWQ_TRY(auto made, output_directory::create(each.target, policy));
        return any_output{std::move(made)};
    }
    AWQ_TRY(auto made, output_file::create(each.target, policy));
    return any_output{std::move(made)};
}

} // namespace detail

/// The complete outputs of a run, before the first is put into its place. `report`: the one that replaces a file
/// that is there in any case.
inline std::vector<finished_output> finished_outputs(const output_group& group, bool overwrite,
                                                     const std::string& report)
{
    std::vector<finished_output> all;
    for (const output_group::member& each : group.members()) {
        const std::string made = (each.directory / "new").string();
        std::error_code ignored;
        all.push_back({each.place.path().string(), detail::inode_of(made), std::filesystem::is_directory(made, ignored),
                       overwrite || each.place.given == report});
    }
    return all;
}

/// Removes the temporary directories of outputs that are all in place; that of the journal as the last, and the journal
/// as the last in it, so that a run that is killed meanwhile is known to be done.
inline void remove_temporaries(std::vector<std::filesystem::path> directories)
{
    const auto holds_journal = [](const std::filesystem::path& directory) {
        return detail::inode_of((directory / detail::journal_name).string()) != 0;
    };
    std::ranges::stable_partition(directories, std::not_fn(holds_journal));
    for (const std::filesystem::path& directory : directories) {
        for (const char* const each : {"new", "old", "hidden.0", "hidden.1", "journal.new", "lock"})
            detail::remove_tree((directory / each).c_str());
        // In one step: a directory without its journal would be taken for one of a run that had just begun.
        std::filesystem::path done = directory;
        done += detail::done_ending;
        std::error_code failure;
        std::filesystem::rename(directory, done, failure);
        if (failure) detail::remove_tree(directory.c_str());
        detail::remove_tree(done.c_str()); // or what a run that died here has left of it
    }
}

/// Puts those into place that are not yet, of a run that died between the first and the last. `directories`: their
/// temporary ones. Errors: those of the outputs; `malformed_file` for one that is neither here nor there.
inline status finish_outputs(const std::vector<finished_output>& all, const std::vector<std::string>& directories)
{
    output_group group;
    group.adopt(directories);
    group.keep();
    std::vector<detail::any_output> waiting;
    for (const finished_output& each : all) {
        if (detail::inode_of(each.target) == each.inode) continue;
        AWQ_TRY(detail::any_output made, detail::reopen(each, group));
        const std::string path = std::visit([](const auto& output) { return output.path(); }, made);
        if (detail::inode_of(path) != each.inode)
            return error{error_code::malformed_file, each.target,
                         ": what the interrupted run made of it is gone; leave out --resume to start afresh"};
        waiting.push_back(std::move(made));
    }
    const output_hold together = hold_outputs();
    for (detail::any_output& each : waiting) AWQ_CHECK(std::visit([](auto& output) { return output.commit(); }, each));
    group.release();
    std::vector<std::filesystem::path> left;
    for (const finished_output& each : all)
        if (const auto place = detail::find_output_place(each.target))
            for (const std::filesystem::path& directory : detail::find_partials(*place))
                if (group.adopts(directory)) left.push_back(directory);
    remove_temporaries(std::move(left));
    return {};
}

/// The same for what such a run has left; gives its report. `told`: what this run has said so far, as that one has.
inline result<run_report> finish_outputs(run_record&& left, notice_list& told)
{
    AWQ_CHECK(finish_outputs(left.finished, left.directories));
    for (std::size_t i = told.size(); i < left.notices.size(); ++i) told.add(std::move(left.notices[i]));
    left.report.notes = std::move(told);
    return std::move(left.report);
}

} // namespace awq

#endif
