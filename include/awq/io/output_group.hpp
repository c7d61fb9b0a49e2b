// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_OUTPUT_GROUP_HPP
#define AWQ_IO_OUTPUT_GROUP_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/output_place.hpp>
#include <awq/io/unfinished_outputs.hpp>
#include <awq/io/write_queue.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace awq {

/// The unfinished outputs of one run that another run may go on with: it is told their temporary
/// directories, and `adopt`s them instead of making new ones. Lives longer than its outputs.
class output_group {
public:
    struct member {
        std::filesystem::path directory; ///< the temporary one
        detail::output_place place;
    };

    output_group() = default;
    output_group(const output_group&) = delete;
    output_group& operator=(const output_group&) = delete;

    /// In the order in which the outputs were opened.
    const std::vector<member>& members() const noexcept { return members_; }

    /// The names of temporary directories that outputs go on with where they find them.
    void adopt(std::vector<std::string> directories) { adopted_ = std::move(directories); }
    bool adopts(const std::filesystem::path& directory) const
    {
        return std::ranges::find(adopted_, directory.filename().string()) != adopted_.end();
    }

    /// From here on what is unfinished stays when the program fails or is told to end.
    void keep() { set_kept(true); }
    /// From here on it is removed, as it was at first.
    void release() { set_kept(false); }
    bool is_kept() const noexcept { return is_kept_; }

    /// From here on outputs are only checked: each ends with an error where it would begin to write.
    void make_dry() noexcept { is_dry_ = true; }
    bool is_dry() const noexcept { return is_dry_; }
    /// An output that is only checked has passed; and whether one has since this was asked last.
    void pass() noexcept { has_passed_ = true; }
    bool take_passed() noexcept { return std::exchange(has_passed_, false); }

    /// Writes the outputs' files while the run computes.
    write_queue& queue() noexcept { return queue_; }

    void add(member made)
    {
        detail::output_registry::instance().put(made.directory, is_kept_);
        members_.push_back(std::move(made));
    }
    /// Called by an output at its end. Whether its directory is to be removed.
    bool drop(const std::filesystem::path& directory)
    {
        std::erase_if(members_, [&](const member& each) { return each.directory == directory; });
        return !is_kept_;
    }

private:
    void set_kept(bool kept)
    {
        const output_hold hold = hold_outputs();
        is_kept_ = kept;
        for (const member& each : members_) detail::output_registry::instance().put(each.directory, kept);
    }

    write_queue queue_;
    std::vector<member> members_;
    std::vector<std::string> adopted_;
    bool is_kept_ = false, is_dry_ = false, has_passed_ = false;
};

/// What an output does with what is there: with a target, and with what a run that died has left.
struct output_policy {
    output_policy(bool replace = false, output_group* of_run = nullptr) : overwrite(replace), group(of_run) {}

    bool overwrite;      ///< whether it replaces a target
    output_group* group; ///< of the run; null: nobody goes on with what is unfinished
};

} // namespace awq

#endif
