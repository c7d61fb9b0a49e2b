// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_WRITE_FILE_HPP
#define AWQ_IO_WRITE_FILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/digest.hpp>
#include <awq/io/output_path.hpp>
#include <awq/io/read_file.hpp>
#include <awq/io/state_bytes.hpp>
#include <awq/io/write_queue.hpp>
#include <awq/support/result.hpp>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace awq {

/// Bytes that were written to a file, and how to know them again.
struct file_extent {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t digest = 0;
};
void visit_members(same_state<file_extent> auto& extent, auto&& visit)
{
    visit(extent.offset, extent.size, extent.digest);
}

/// How many of these bytes lie in a part of the file.
inline std::uint64_t bytes_between(std::span<const file_extent> extents, std::uint64_t begin,
                                   std::uint64_t size) noexcept
{
    std::uint64_t sum = 0;
    for (const file_extent& each : extents)
        if (each.offset >= begin && each.offset - begin < size) sum += each.size;
    return sum;
}

/// A file that is being written. If it is destroyed before `finish()` succeeded, the file is
/// removed, so that no half-written file stays behind. It never replaces a file that is there
/// already.
///
/// Where the place has a queue, bytes are copied and written in the background; what fails there is the error of the
/// next call.
///
/// At a resumable place it stays, and goes on with the file that is there: whoever knows its `extents`
/// can `restore` them after the program has died.
class new_file {
public:
    /// Errors: `file_exists`, `file_unwritable`.
    static result<new_file> create(const output_path& where)
    {
        const int kind = where.resumable ? O_NOFOLLOW : O_EXCL;
        file_descriptor descriptor = open_descriptor(where.path, O_RDWR | O_CREAT | kind, 0666);
        if (!descriptor)
            return error{errno == EEXIST ? error_code::file_exists : error_code::file_unwritable, where.shown,
                         ": cannot create: ", std::strerror(errno)};
        return new_file{where, std::move(descriptor)};
    }

    new_file(new_file&& other) noexcept
        : where_(std::move(other.where_)), descriptor_(std::move(other.descriptor_)), position_(other.position_),
          size_(other.size_), log_(std::move(other.log_)), reason_(std::move(other.reason_))
    {}
    new_file& operator=(new_file&& other) noexcept
    {
        std::swap(where_, other.where_);
        std::swap(descriptor_, other.descriptor_);
        std::swap(position_, other.position_);
        std::swap(size_, other.size_);
        std::swap(log_, other.log_);
        std::swap(reason_, other.reason_);
        return *this;
    }
    ~new_file()
    {
        if (descriptor_) static_cast<void>(settle());
        if (descriptor_ && !where_.resumable) ::unlink(where_.path.c_str());
    }

    /// How errors call the file.
    const std::string& shown() const noexcept { return where_.shown; }

    /// Makes the file `size` bytes long and takes the disk space where the file system can, so that
    /// a full disk is noticed before the work and not after it.
    status reserve(std::uint64_t size)
    {
        if (size > static_cast<std::uint64_t>(std::numeric_limits<::off_t>::max())) return failed(EFBIG);
        const auto length = static_cast<::off_t>(size);
#ifdef __linux__
        if (length > 0 && ::fallocate(descriptor_.number(), 0, 0, length) != 0 &&
            (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
            return failed(errno);
#endif
        if (::ftruncate(descriptor_.number(), length) != 0) return failed(errno);
        size_ = size;
        return {};
    }

    /// Writes at an offset from the beginning of the file; several threads may. Error: `file_unwritable`.
    status write_at(std::uint64_t offset, std::span<const std::byte> bytes)
    {
        if (log_) log_->add({offset, bytes.size(), digest_of(bytes)});
        if (!where_.queue) {
            const int reason = write_all(descriptor_.number(), offset, bytes);
            return reason == 0 ? status{} : failed(reason);
        }
        if (const int before = *reason_; before != 0) return failed(before);
        where_.queue->add(bytes.size(), [reason = reason_, file = descriptor_.number(), offset,
                                         copy = std::vector<std::byte>(bytes.begin(), bytes.end())] {
            const int failure = *reason == 0 ? write_all(file, offset, copy) : 0;
            if (failure != 0) *reason = failure;
        });
        return {};
    }

    /// Writes behind what `append` wrote before.
    status append(std::span<const std::byte> bytes)
    {
        AWQ_CHECK(write_at(position_, bytes));
        position_ += bytes.size();
        size_ = std::max(size_, position_);
        return {};
    }

    /// Bytes that `append` wrote so far.
    std::uint64_t position() const noexcept { return position_; }

    /// All that was written so far, at a resumable place; else nothing.
    std::vector<file_extent> extents() const { return log_ ? log_->all : std::vector<file_extent>{}; }

    /// Takes what another program has written before it died for written. Error: `malformed_file` where
    /// the file does not hold it.
    status restore(std::vector<file_extent> extents)
    {
        std::vector<std::byte> content;
        for (const file_extent& each : extents) {
            if (each.offset > size_ || each.size > size_ - each.offset) return is_not_whole();
            content.resize(static_cast<std::size_t>(each.size));
            if (!read_at(each.offset, content) || digest_of(content) != each.digest) return is_not_whole();
        }
        if (log_) log_->all = std::move(extents);
        return {};
    }

    /// Reads what was written. False where it is not there.
    bool read_at(std::uint64_t offset, std::span<std::byte> into) const
    {
        while (!into.empty()) {
            const ::ssize_t count =
                ::pread(descriptor_.number(), into.data(), into.size(), static_cast<::off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return false;
            into = into.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
        return true;
    }

    /// Flushes the file to the disk and closes it; from here on the file stays. Error:
    /// `file_unwritable`.
    status finish()
    {
        AWQ_CHECK(settle());
        // What another program has left may have been longer.
        if (log_ && ::ftruncate(descriptor_.number(), static_cast<::off_t>(size_)) != 0) return failed(errno);
        if (::fsync(descriptor_.number()) != 0 && errno != EINVAL) return failed(errno);
        if (::close(descriptor_.number()) != 0) {
            const int reason = errno;
            descriptor_.release();
            ::unlink(where_.path.c_str());
            return failed(reason);
        }
        descriptor_.release();
        return {};
    }

private:
    struct extent_log {
        void add(const file_extent& one)
        {
            const std::lock_guard busy{mutex};
            all.push_back(one);
        }
        std::mutex mutex;
        std::vector<file_extent> all;
    };

    new_file(const output_path& where, file_descriptor&& descriptor) : where_(where), descriptor_(std::move(descriptor))
    {
        if (where.resumable) log_ = std::make_unique<extent_log>();
    }

    /// Waits for what is written in the background.
    status settle()
    {
        if (!where_.queue) return {};
        where_.queue->wait();
        return *reason_ == 0 ? status{} : failed(*reason_);
    }

    /// Gives why it failed, as `errno`; or 0.
    static int write_all(int file, std::uint64_t offset, std::span<const std::byte> bytes)
    {
        while (!bytes.empty()) {
            const std::size_t step = std::min<std::size_t>(bytes.size(), std::size_t{1} << 30);
            const ::ssize_t count = ::pwrite(file, bytes.data(), step, static_cast<::off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return count < 0 ? errno : ENOSPC;
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
        return 0;
    }

    error is_not_whole() const
    {
        return error{error_code::malformed_file, where_.shown, ": is not what was written before"};
    }

    error failed(int reason) const
    {
        return error{error_code::file_unwritable, where_.shown, ": cannot write: ", std::strerror(reason)};
    }

    output_path where_;
    file_descriptor descriptor_;
    std::uint64_t position_ = 0;
    std::uint64_t size_ = 0;
    std::unique_ptr<extent_log> log_; ///< at a resumable place
    /// Of what failed in the background; 0: nothing did.
    std::shared_ptr<std::atomic<int>> reason_ = std::make_shared<std::atomic<int>>(0);
};

/// Writes a new file in one go; `file_exists` if it is there already.
inline status write_file(const output_path& where, std::string_view content)
{
    AWQ_TRY(new_file created, new_file::create(where));
    AWQ_CHECK(created.append(std::as_bytes(std::span{content})));
    return created.finish();
}

} // namespace awq

#endif
