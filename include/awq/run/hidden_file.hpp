// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_HIDDEN_FILE_HPP
#define AWQ_RUN_HIDDEN_FILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/device/device.hpp>
#include <awq/io/write_file.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace awq {

namespace detail {

/// A piece of some values that lie in a file one behind the other.
struct hidden_piece {
    std::span<std::byte> bytes;
    std::uint64_t offset = 0;
};

/// About 4 MB each: what one thread writes at a time.
inline std::vector<hidden_piece> cut_hidden(std::span<const std::span<std::byte>> all)
{
    constexpr std::size_t step = std::size_t{4} << 20;
    std::vector<hidden_piece> pieces;
    std::uint64_t offset = 0;
    for (std::span<std::byte> rest : all) {
        while (!rest.empty()) {
            pieces.push_back({rest.first(std::min(step, rest.size())), offset});
            offset += pieces.back().bytes.size();
            rest = rest.subspan(pieces.back().bytes.size());
        }
    }
    return pieces;
}

} // namespace detail

/// Writes hidden states over what is at that place, all threads at work, and leaves it to the system when
/// they reach the disk; gives where they lie. Error: `file_unwritable`.
inline result<std::vector<file_extent>> write_hidden(device& machine, output_path where,
                                                     std::span<const std::span<std::byte>> all)
{
    where.resumable = true;
    const std::vector<detail::hidden_piece> pieces = detail::cut_hidden(all);
    AWQ_TRY(new_file file, new_file::create(where));
    AWQ_CHECK(file.reserve(pieces.empty() ? 0 : pieces.back().offset + pieces.back().bytes.size()));
    std::mutex busy;
    std::optional<error> failure;
    machine.tasks().for_each(pieces.size(), [&](std::size_t i) {
        const status done = file.write_at(pieces[i].offset, pieces[i].bytes);
        if (done) return;
        const std::lock_guard one{busy};
        failure = done.error();
    });
    if (failure) return *failure;
    return file.extents();
}

/// Reads them into values of the same shapes. False where the file does not hold them.
inline bool read_hidden(device& machine, output_path where, std::vector<file_extent> extents,
                        std::span<const std::span<std::byte>> all)
{
    where.resumable = true;
    const std::vector<detail::hidden_piece> pieces = detail::cut_hidden(all);
    if (extents.size() != pieces.size()) return false;
    if (pieces.empty()) return true;
    const auto file = new_file::create(where);
    if (!file) return false;
    std::ranges::sort(extents, {}, &file_extent::offset);
    std::atomic<bool> is_whole = true;
    machine.tasks().for_each(pieces.size(), [&](std::size_t i) {
        const auto& [bytes, offset] = pieces[i];
        if (extents[i].offset != offset || extents[i].size != bytes.size() || !file->read_at(offset, bytes) ||
            digest_of(std::span<const std::byte>{bytes}) != extents[i].digest)
            is_whole = false;
    });
    return is_whole;
}

} // namespace awq

#endif
