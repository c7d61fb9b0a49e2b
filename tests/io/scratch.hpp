// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_IO_SCRATCH_HPP
#define AWQ_TESTS_IO_SCRATCH_HPP

#include <awq/support/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace test {

/// An empty directory that is removed at the end of the test.
class scratch {
public:
    scratch()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "awq-io-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string operator/(std::string_view name) const { return (path_ / name).string(); }
    std::string string() const { return path_.string(); }

    /// Writes a file, replacing what is there, and gives its path.
    std::string put(std::string_view name, std::string_view content) const
    {
        const std::filesystem::path path = path_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream{path, std::ios::binary} << content;
        return path.string();
    }

private:
    std::filesystem::path path_;
};

inline std::string read(const std::filesystem::path& path)
{
    std::ifstream stream{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

/// The bytes of a safetensors file: length, header, data.
inline std::string safetensors_bytes(std::string_view header, std::string_view data)
{
    std::string bytes;
    for (unsigned i = 0; i < 8; ++i) bytes += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 0xFF);
    return bytes.append(header).append(data);
}

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

inline bool says(const awq::error& error, std::string_view part)
{
    return error.text().find(part) != std::string_view::npos;
}

} // namespace test

#endif
