// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_DRIVER_FAULTS_HPP
#define AWQ_TESTS_DRIVER_FAULTS_HPP

#include "shell.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace test {

/// The program with one of its system calls or allocations failing, see tests/faults/failing_calls.cpp.
struct fault {
    std::string call;               ///< memory, create, write, flush or rename
    long at = 0;                    ///< which one; 0: none
    bool stays = false;             ///< all later ones fail, too
    std::string with_number = "28"; ///< ENOSPC

    std::string environment() const
    {
        return "LD_PRELOAD=" AWQ_FAILING_CALLS " FAULT_CALL=" + call + " FAULT_AT=" + std::to_string(at) +
               " FAULT_ERRNO=" + with_number + (stays ? " FAULT_STAYS=1 " : " ");
    }
};

inline bool every_fault() { return std::getenv("AWQ_EVERY_FAULT") != nullptr; }

/// 1, `count` and some numbers between, or all of them where that is asked for.
inline std::vector<long> places(long count, long most)
{
    std::vector<long> chosen;
    if (every_fault() || count <= most) most = count;
    for (long i = 0; i < most; ++i) chosen.push_back(most == 1 ? 1 : 1 + i * (count - 1) / (most - 1));
    return chosen;
}

/// The content of all files under a directory, by their paths in it.
inline std::map<std::string, std::string> files_in(const std::string& directory)
{
    std::map<std::string, std::string> found;
    namespace fs = std::filesystem;
    for (const auto& entry : fs::recursive_directory_iterator{directory})
        found[fs::relative(entry.path(), directory).string()] =
            entry.is_regular_file() ? read(entry.path()) : std::string{};
    return found;
}

/// How many calls of a kind the program makes.
inline long count_calls(const scratch& here, const fault& what, const std::string& command)
{
    const scratch counts;
    const auto run = shell(here, what.environment() + "FAULT_COUNT=" + (counts / "n") + " " + command);
    return run.exit_code == 0 ? std::atol(read(counts / "n").c_str()) : -1;
}

} // namespace test

#endif
