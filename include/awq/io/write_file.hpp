// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_WRITE_FILE_HPP
#define AWQ_IO_WRITE_FILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/output_path.hpp>
#include <awq/io/read_file.hpp>
#include <awq/support/result.hpp>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace awq {

/// A file that is being written. If it is destroyed before `finish()` succeeded, the file is
/// removed, so that no half-written file stays behind. It never replaces a file that is there
/// already.
class new_file {
  public:
    /// Errors: `file_exists`, `file_unwritable`.
    static result<new_file> create(const output_path& where)
    {
        file_descriptor descriptor = open_descriptor(where.path, O_RDWR | O_CREAT | O_EXCL, 0666);
        if (!descriptor)
            return error{errno == EEXIST ? error_code::file_exists : error_code::file_unwritable,
                         where.shown, ": cannot create: ", std::strerror(errno)};
        return new_file{where, std::move(descriptor)};
    }

    new_file(new_file&& other) noexcept
        : where_(std::move(other.where_)), descriptor_(std::move(other.descriptor_)),
          position_(other.position_)
    {}
    new_file& operator=(new_file&& other) noexcept
    {
        std::swap(where_, other.where_);
        std::swap(descriptor_, other.descriptor_);
        std::swap(position_, other.position_);
        return *this;
    }
    ~new_file()
    {
        if (descriptor_) ::unlink(where_.path.c_str());
    }

    /// How errors call the file.
    const std::string& shown() const noexcept { return where_.shown; }

    /// Makes the file `size` bytes long and takes the disk space where the file system can, so that
    /// a full disk is noticed before the work and not after it.
    status reserve(std::uint64_t size)
    {
        if (size > static_cast<std::uint64_t>(std::numeric_limits<::off_t>::max()))
            return failed(EFBIG);
        const auto length = static_cast<::off_t>(size);
#ifdef __linux__
        if (length > 0 && ::fallocate(descriptor_.number(), 0, 0, length) != 0 &&
            (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
            return failed(errno);
#endif
        if (::ftruncate(descriptor_.number(), length) != 0) return failed(errno);
        return {};
    }

    /// Writes at an offset from the beginning of the file. Error: `file_unwritable`.
    status write_at(std::uint64_t offset, std::span<const std::byte> bytes)
    {
        while (!bytes.empty()) {
            const std::size_t step = std::min<std::size_t>(bytes.size(), std::size_t{1} << 30);
            const ::ssize_t count =
                ::pwrite(descriptor_.number(), bytes.data(), step, static_cast<::off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return failed(count < 0 ? errno : ENOSPC);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
        return {};
    }

    /// Writes behind what `append` wrote before.
    status append(std::span<const std::byte> bytes)
    {
        AWQ_CHECK(write_at(position_, bytes));
        position_ += bytes.size();
        return {};
    }

    /// Bytes that `append` wrote so far.
    std::uint64_t position() const noexcept
    {
        return position_;
    }

    /// Flushes the file to the disk and closes it; from here on the file stays. Error:
    /// `file_unwritable`.
    status finish()
    {
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
    new_file(const output_path& where, file_descriptor&& descriptor)
        : where_(where), descriptor_(std::move(descriptor))
    {}

    error failed(int reason) const
    {
        return error{error_code::file_unwritable, where_.shown,
                     ": cannot write: ", std::strerror(reason)};
    }

    output_path where_;
    file_descriptor descriptor_;
    std::uint64_t position_ = 0;
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
