// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_READ_FILE_HPP
#define AWQ_IO_READ_FILE_HPP

#include <awq/support/requires_hosted.hpp>
#include <awq/support/result.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace awq {

/// A POSIX file descriptor, closed at the end of its life.
class file_descriptor {
public:
    file_descriptor() = default;
    explicit file_descriptor(int number) noexcept : number_(number) {}
    file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    file_descriptor& operator=(file_descriptor&& other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~file_descriptor()
    {
        if (number_ >= 0) ::close(number_);
    }

    explicit operator bool() const noexcept { return number_ >= 0; }
    int number() const noexcept { return number_; }
    /// Hands the descriptor over to the caller.
    int release() noexcept { return std::exchange(number_, -1); }

private:
    int number_ = -1;
};

/// Opens as POSIX open does, but never as descriptor 0, 1 or 2: where those are closed, what the program
/// prints would go into the file. `errno` says why there is none.
inline file_descriptor open_descriptor(const std::string& path, int flags, ::mode_t mode = 0)
{
    file_descriptor opened{::open(path.c_str(), flags | O_CLOEXEC, mode)};
    if (!opened || opened.number() > STDERR_FILENO) return opened;
    return file_descriptor{::fcntl(opened.number(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
}

/// A regular file that is open for reading, and its size in bytes.
struct opened_file {
    file_descriptor descriptor;
    std::uint64_t size = 0;
};

/// Opens a regular file for reading. Errors: `file_not_found`; `file_unreadable` for a directory, a
/// device or whatever the system refuses.
inline result<opened_file> open_for_reading(const std::string& path)
{
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    opened_file opened{open_descriptor(path, O_RDONLY | O_NONBLOCK), 0};
    if (!opened.descriptor) {
        const int reason = errno;
        return error{reason == ENOENT || reason == ENOTDIR ? error_code::file_not_found : error_code::file_unreadable,
                     path, ": cannot open: ", std::strerror(reason)};
    }
    struct ::stat about {};
    if (::fstat(opened.descriptor.number(), &about) != 0)
        return error{error_code::file_unreadable, path, ": ", std::strerror(errno)};
    if (S_ISDIR(about.st_mode)) return error{error_code::file_unreadable, path, ": is a directory, a file is needed"};
    if (!S_ISREG(about.st_mode)) return error{error_code::file_unreadable, path, ": is not a regular file"};
    opened.size = static_cast<std::uint64_t>(about.st_size);
    return opened;
}

/// The whole content of a regular file, at most `limit` bytes (1 GiB; `malformed_file` beyond
/// that).
inline result<std::string> read_file(const std::string& path, std::uint64_t limit = std::uint64_t{1} << 30)
{
    AWQ_TRY(const opened_file file, open_for_reading(path));
    if (file.size > limit)
        return error{error_code::malformed_file, path, ": ", file.size, " bytes are more than the limit of ", limit};
    std::string content(static_cast<std::size_t>(file.size), '\0');
    std::size_t done = 0;
    while (done < content.size()) {
        const ::ssize_t count = ::read(file.descriptor.number(), content.data() + done, content.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return error{error_code::file_unreadable, path, ": ", std::strerror(errno)};
        if (count == 0) break; // the file became shorter meanwhile
        done += static_cast<std::size_t>(count);
    }
    content.resize(done);
    return content;
}

} // namespace awq

#endif
