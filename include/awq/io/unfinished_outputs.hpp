// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_UNFINISHED_OUTPUTS_HPP
#define AWQ_IO_UNFINISHED_OUTPUTS_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/remove_tree.hpp>

#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>

namespace awq {

/// As long as it lives, no other thread of this process begins an output or puts one into place.
using output_hold = std::unique_lock<std::recursive_mutex>;

namespace detail {

/// The temporary directories of this process's outputs. Never destroyed: a thread that ends the program
/// may ask while the program ends by itself.
struct output_registry {
    std::recursive_mutex mutex;
    std::set<std::filesystem::path> directories; ///< that are removed at the end
    std::set<std::filesystem::path> kept;        ///< that stay, for another run to go on with

    void put(const std::filesystem::path& directory, bool keep)
    {
        remove(directory);
        (keep ? kept : directories).insert(directory);
    }
    void remove(const std::filesystem::path& directory)
    {
        directories.erase(directory);
        kept.erase(directory);
    }

    static output_registry& instance()
    {
        static output_registry* const only = new output_registry;
        return *only;
    }
};

/// Removes a directory with all that is in it, also while another thread still writes there.
inline void remove_for_good(const std::filesystem::path& directory)
{
    std::error_code failure;
    for (int attempt = 0; attempt < 100; ++attempt) {
        remove_tree(directory.c_str());
        if (!std::filesystem::exists(std::filesystem::symlink_status(directory, failure))) return;
    }
}

} // namespace detail

/// Keeps several outputs together: those that are put into place under one hold are all there, or none is,
/// when another thread ends the program by `remove_unfinished_outputs`.
[[nodiscard]] inline output_hold hold_outputs() { return output_hold{detail::output_registry::instance().mutex}; }

/// Removes what the outputs of this process that are not in place yet have written. For a program that is
/// told to end while it runs: call it on a thread that waits for signals (it is nothing for a signal
/// handler), and end the process while the hold lives.
[[nodiscard]] inline output_hold remove_unfinished_outputs()
{
    output_hold hold = hold_outputs();
    for (const auto& directory : detail::output_registry::instance().directories) detail::remove_for_good(directory);
    return hold;
}

/// Whether some outputs of this process stay unfinished when it ends, see `output_group::keep`.
[[nodiscard]] inline bool keeps_unfinished_outputs()
{
    const output_hold hold = hold_outputs();
    return !detail::output_registry::instance().kept.empty();
}

} // namespace awq

#endif
