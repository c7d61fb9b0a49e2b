// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_SCRATCH_MAPPING_HPP
#define AWQ_IO_SCRATCH_MAPPING_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>
#include <awq/support/result.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace awq {

/// Working memory in a file without a name, for what is not looked at most of the time: its pages can be
/// let go and come back with what they held. The file is gone with the object, or with the process.
class AWQ_ABI_TAG scratch_mapping {
public:
    /// `bytes` of zeros in a file of `directory`, all of it reserved. Error: `file_unwritable`, where the
    /// directory has no room for them, say.
    static result<std::unique_ptr<scratch_mapping>> create(const std::string& directory, std::size_t bytes)
    {
        auto made = std::unique_ptr<scratch_mapping>{new scratch_mapping{bytes}};
        const int file = open_unnamed(directory);
        if (file < 0) return failed(directory, errno);
        const int full = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
        if (full == 0) made->address_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        const int cause = full != 0 ? full : errno;
        ::close(file);
        if (full != 0 || made->address_ == MAP_FAILED) {
            made->address_ = nullptr;
            return failed(directory, cause);
        }
        return made;
    }

    scratch_mapping(const scratch_mapping&) = delete;
    scratch_mapping& operator=(const scratch_mapping&) = delete;
    ~scratch_mapping()
    {
        if (address_) ::munmap(address_, size_);
    }

    static std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
    std::byte* data() const noexcept { return static_cast<std::byte*>(address_); }
    std::size_t size() const noexcept { return size_; }

    /// Lets the pages that lie wholly in these bytes go, if they are of this memory.
    void release(const void* from, std::size_t bytes) const noexcept
    {
        const auto base = reinterpret_cast<std::uintptr_t>(address_);
        const auto begin = reinterpret_cast<std::uintptr_t>(from);
        if (!address_ || begin < base || begin - base >= size_ || bytes > size_ - (begin - base)) return;
        const std::uintptr_t page = page_size(), first = (begin + page - 1) / page * page;
        const std::uintptr_t last = (begin + bytes) / page * page;
        if (first < last) static_cast<void>(::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED));
    }

private:
    explicit scratch_mapping(std::size_t bytes) noexcept : size_(bytes) {}

    static int open_unnamed(const std::string& directory)
    {
        const int file = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (file >= 0) return file;
        std::string name = directory + "/.awq-XXXXXX"; // of file systems that know no unnamed files
        const int named = ::mkostemp(name.data(), O_CLOEXEC);
        if (named >= 0) ::unlink(name.c_str());
        return named;
    }

    static error failed(const std::string& directory, int cause)
    {
        return error{error_code::file_unwritable, directory, ": no room for a scratch file (",
                     static_cast<const char*>(std::strerror(cause)), ")"};
    }

    void* address_ = nullptr;
    std::size_t size_;
};

} // namespace awq

#endif
