// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_IO_GGUF_SCRATCH_DIRECTORY_HPP
#define AWQ_TESTS_IO_GGUF_SCRATCH_DIRECTORY_HPP

#include <unistd.h>

#include <filesystem>
#include <string>

/// A directory of its own for each test, removed behind it.
class scratch_directory {
public:
    scratch_directory()
    {
        static int count = 0;
        path_ = std::filesystem::temp_directory_path() /
                ("awq_gguf_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
        std::filesystem::create_directory(path_);
    }
    scratch_directory(const scratch_directory&) = delete;
    ~scratch_directory() { std::filesystem::remove_all(path_); }

    std::string file(const std::string& name) const { return (path_ / name).string(); }
    bool empty() const { return std::filesystem::is_empty(path_); }

private:
    std::filesystem::path path_;
};

#endif
