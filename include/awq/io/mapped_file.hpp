// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_MAPPED_FILE_HPP
#define AWQ_IO_MAPPED_FILE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/read_file.hpp>
#include <awq/support/result.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace awq {

/// A file mapped into memory, read-only. Pages come in when they are read and can be let go again,
/// so a checkpoint that is larger than the memory can be walked through. Another process that
/// shortens the file meanwhile makes reads fail with a signal; that cannot be caught here.
class mapped_file {
public:
    /// Maps a regular file; an empty one has empty `bytes()`. Errors: `file_not_found`,
    /// `file_unreadable` (also for a directory or a device), `out_of_memory` if the address space
    /// is too small for it.
    static result<mapped_file> open(const std::string& path)
    {
        AWQ_TRY(const opened_file file, open_for_reading(path));
        if (file.size > SIZE_MAX) return error{error_code::out_of_memory, path, ": too large to map into memory"};
        mapped_file mapped{path, static_cast<std::size_t>(file.size)};
        if (mapped.size_ == 0) return mapped;
        void* const address = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.descriptor.number(), 0);
        if (address == MAP_FAILED)
            return error{errno == ENOMEM ? error_code::out_of_memory : error_code::file_unreadable, path,
                         ": cannot map into memory: ", std::strerror(errno)};
        mapped.address_ = address;
        return mapped;
    }

    mapped_file() = default;
    mapped_file(mapped_file&& other) noexcept
        : path_(std::move(other.path_)), address_(std::exchange(other.address_, nullptr)),
          size_(std::exchange(other.size_, 0))
    {}
    mapped_file& operator=(mapped_file&& other) noexcept
    {
        std::swap(path_, other.path_);
        std::swap(address_, other.address_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~mapped_file()
    {
        if (address_ != nullptr) ::munmap(address_, size_);
    }

    const std::string& path() const noexcept { return path_; }
    std::span<const std::byte> bytes() const noexcept
    {
        return {static_cast<const std::byte*>(address_), address_ != nullptr ? size_ : 0};
    }

    /// Tells the system that these bytes (a part of `bytes()`) are read soon.
    void prefetch(std::span<const std::byte> part) const noexcept { advise(part, MADV_WILLNEED); }

    /// Lets the pages that lie wholly in these bytes go; reading them again brings them back from
    /// the file.
    void release(std::span<const std::byte> part) const noexcept { advise(part, MADV_DONTNEED); }

private:
    mapped_file(const std::string& path, std::size_t size) : path_(path), size_(size) {}

    // Whole pages inside of `part` only: a neighbour that shares a page keeps it.
    void advise(std::span<const std::byte> part, int advice) const noexcept
    {
        if (address_ == nullptr || part.empty()) return;
        const auto base = reinterpret_cast<std::uintptr_t>(address_);
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
        const std::uintptr_t end = begin + part.size();
        if (begin < base || end > base + size_) return;
        const std::uintptr_t first = (begin + page - 1) / page * page;
        const std::uintptr_t last = end == base + size_ ? end : end / page * page;
        if (first < last) static_cast<void>(::madvise(reinterpret_cast<void*>(first), last - first, advice));
    }

    std::string path_;
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace awq

#endif
