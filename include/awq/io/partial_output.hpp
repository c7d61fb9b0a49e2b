// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_PARTIAL_OUTPUT_HPP
#define AWQ_IO_PARTIAL_OUTPUT_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/directory_entries.hpp>
#include <awq/io/output_group.hpp>
#include <awq/io/output_path.hpp>
#include <awq/io/output_place.hpp>
#include <awq/io/read_file.hpp>
#include <awq/io/remove_tree.hpp>
#include <awq/io/rename.hpp>
#include <awq/io/unfinished_outputs.hpp>
#include <awq/support/result.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq::detail {

constexpr std::size_t partial_digits = 16;

/// ".NAME.partial-": how the temporary directories of an output begin. A name so long that the file system
/// would refuse more is cut, and its hash keeps it apart from others.
inline std::string partial_prefix(const output_place& place)
{
    std::string name = place.name.string();
    if (name.size() > 200) name = name.substr(0, 180) + std::to_string(std::hash<std::string>{}(name));
    return "." + name + ".partial-";
}

/// 16 random hexadecimal digits, or none where the system has no random numbers: process numbers and
/// counters repeat in containers.
inline std::string random_digits()
{
    std::uint64_t bits = 0;
    if (::getentropy(&bits, sizeof bits) != 0) return {};
    std::string digits;
    for (std::size_t i = 0; i < partial_digits; ++i, bits >>= 4) digits += "0123456789abcdef"[bits & 15];
    return digits;
}

/// The lock that a run holds on its temporary directory for as long as it lives, whatever ends it.
struct partial_lock {
    enum class state {
        held,
        taken,   ///< another process has it, or the directory has just been removed
        unknown, ///< the file system has no locks, so nobody can take it
        failed   ///< its file cannot be made; `errno` says why
    };
    state is = state::failed;
    file_descriptor descriptor;

    /// The lock is a file, as network file systems lock nothing else between machines.
    static partial_lock take(const std::filesystem::path& directory)
    {
        const std::string path = (directory / "lock").string();
        partial_lock lock;
        lock.descriptor = open_descriptor(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        if (!lock.descriptor) {
            if (errno == ENOENT) lock.is = state::taken;
            return lock;
        }
        if (::flock(lock.descriptor.number(), LOCK_EX | LOCK_NB) != 0) {
            lock.is = errno == EWOULDBLOCK ? state::taken : state::unknown;
            return lock;
        }
        struct ::stat mine {
        }, there{};
        const bool same = ::fstat(lock.descriptor.number(), &mine) == 0 && ::lstat(path.c_str(), &there) == 0 &&
                          mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
        lock.is = same ? state::held : state::taken;
        return lock;
    }
};

/// Whether it is a directory of this user: what somebody else puts there, or a link, is left alone.
inline bool is_own_directory(const std::filesystem::path& path)
{
    struct ::stat about {};
    return ::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid();
}

/// What the name of a temporary directory ends with once its run is done and it only has to be removed.
inline constexpr std::string_view done_ending = ".done";

/// The temporary directories of an output, of runs that live and of those that died.
inline std::vector<std::filesystem::path> find_partials(const output_place& place, std::string_view ending = {})
{
    namespace fs = std::filesystem;
    const std::string prefix = partial_prefix(place);
    std::vector<fs::path> found;
    std::error_code failure;
    for (const std::string& name : names_in(place.parent, failure)) {
        const std::size_t size = prefix.size() + partial_digits;
        if (name.size() == size + ending.size() && name.starts_with(prefix) && name.ends_with(ending) &&
            name.find_first_not_of("0123456789abcdef", prefix.size()) >= size && is_own_directory(place.parent / name))
            found.push_back(place.parent / name);
    }
    return found;
}

/// An old output that a run had moved aside, and for which it could not put the new one in place, comes back.
inline void bring_back_old(const std::filesystem::path& directory, const output_place& place)
{
    static_cast<void>(rename_to_new(directory / "old", place.path()));
}

/// Removes what runs that died have left of an output, and nothing of one that lives, nor what the group
/// goes on with.
inline void clear_leftovers(const output_place& place, const output_group* group = nullptr)
{
    if (group && group->is_dry()) return;
    for (const std::filesystem::path& directory : find_partials(place, done_ending)) remove_tree(directory.c_str());
    for (const std::filesystem::path& directory : find_partials(place)) {
        if (group && group->adopts(directory)) continue;
        const partial_lock lock = partial_lock::take(directory);
        if (lock.is != partial_lock::state::held) continue;
        bring_back_old(directory, place);
        remove_tree(directory.c_str());
    }
}

/// An output in the making: a file or a directory `new` in a temporary directory beside its place. What is
/// not put into place is removed.
///
///     .NAME.partial-0123456789abcdef/lock   held as long as the run lives
///                                    new    what is written
///                                    old    what was in its place, between two renames
/// Whoever opened it with others as a group may put more beside these, for another run to go on.
class partial_output {
public:
    /// Makes the temporary directory, empty but for its lock, or goes on with one that the group adopts.
    /// Error: `file_unwritable`.
    static result<partial_output> create(const output_place& place, output_group* group = nullptr)
    {
        const output_hold hold = hold_outputs();
        if (group && group->is_dry()) return check(place, *group);
        if (group)
            for (const std::filesystem::path& directory : find_partials(place))
                if (group->adopts(directory)) return adopt(place, directory, *group);
        int reason = EEXIST;
        for (int attempt = 0; attempt < 100 && reason == EEXIST; ++attempt) {
            const std::string digits = random_digits();
            if (digits.empty())
                return error{error_code::file_unwritable, place.given,
                             ": the system has no random numbers for a temporary name"};
            const std::filesystem::path directory = place.parent / (partial_prefix(place) + digits);
            reason = ::mkdir(directory.c_str(), 0700) == 0 ? 0 : errno;
            if (reason != 0) continue;
            partial_lock lock = partial_lock::take(directory);
            reason = lock.is == partial_lock::state::failed ? errno : EEXIST;
            partial_output made{place, directory, std::move(lock.descriptor), group};
            if (lock.is == partial_lock::state::held || lock.is == partial_lock::state::unknown) return made;
            // Taken: another run took it for a leftover before it was locked, and removes it.
        }
        return error{error_code::file_unwritable, place.given, ": cannot be written there: ", std::strerror(reason)};
    }

    partial_output(partial_output&& other) noexcept
        : place_(std::move(other.place_)), directory_(std::exchange(other.directory_, {})),
          lock_(std::move(other.lock_)), group_(other.group_)
    {}
    partial_output& operator=(partial_output&& other) noexcept
    {
        std::swap(place_, other.place_);
        std::swap(directory_, other.directory_);
        std::swap(lock_, other.lock_);
        std::swap(group_, other.group_);
        return *this;
    }
    ~partial_output()
    {
        if (directory_.empty()) return;
        if (!group_ || group_->drop(directory_)) remove_tree(directory_.c_str());
        const output_hold hold = hold_outputs();
        output_registry::instance().remove(directory_);
    }

    const output_place& place() const noexcept { return place_; }
    /// Where to write.
    output_path where() const
    {
        output_path made{(directory_ / "new").string(), place_.given};
        made.resumable = group_ != nullptr;
        made.queue = group_ ? &group_->queue() : nullptr;
        return made;
    }

    /// Moves a new output into place. Errors: `file_exists`, `file_unwritable`.
    status put_in_place()
    {
        return move([&] { return rename_to_new(new_path(), place_.path()); });
    }

    /// The same for a file that replaces another.
    status replace_file()
    {
        return move([&] { return ::rename(new_path().c_str(), place_.path().c_str()) == 0 ? 0 : errno; });
    }

    /// The same for a directory. The old one is removed when this object is.
    status replace_directory()
    {
        return move([&] { return swap_in(new_path(), place_.path(), directory_ / "old"); });
    }

private:
    partial_output(const output_place& place, const std::filesystem::path& directory, file_descriptor&& lock,
                   output_group* group)
        : place_(place), directory_(directory), lock_(std::move(lock)), group_(group)
    {
        if (group)
            group->add({directory, place});
        else
            output_registry::instance().put(directory_, false);
    }

    /// All that can be said without writing.
    static error check(const output_place& place, output_group& group)
    {
        if (::access(place.parent.c_str(), W_OK | X_OK) == 0) group.pass();
        return error{error_code::file_unwritable, place.given, ": cannot be written there: ", std::strerror(errno)};
    }

    static result<partial_output> adopt(const output_place& place, const std::filesystem::path& directory,
                                        output_group& group)
    {
        partial_lock lock = partial_lock::take(directory);
        if (lock.is != partial_lock::state::held)
            return error{error_code::file_unwritable, place.given,
                         ": another run is at work on what was left of it; wait for that run"};
        bring_back_old(directory, place);
        return partial_output{place, directory, std::move(lock.descriptor), &group};
    }

    std::filesystem::path new_path() const { return directory_ / "new"; }

    template <class Step>
    status move(const Step& step)
    {
        const output_hold hold = hold_outputs();
        if (const int reason = step(); reason != 0) return output_error(place_, reason);
        return flush_path({place_.parent.string(), place_.given});
    }

    output_place place_;
    std::filesystem::path directory_;
    file_descriptor lock_;
    output_group* group_;
};

} // namespace awq::detail

#endif
