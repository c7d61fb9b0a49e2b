// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_DRIVER_SHELL_HPP
#define AWQ_TESTS_DRIVER_SHELL_HPP

#include "io/scratch.hpp"

#include <sys/wait.h>
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

namespace test {

/// How a script ended and what it printed.
struct shell_result {
    int exit_code = -1; ///< as the shell gives it: 128 and the signal's number for a killed program
    std::string out, err;

    bool says(std::string_view part) const { return err.find(part) != std::string::npos; }
    /// Lines on standard error that the program itself wrote as its error: not notes, not warnings.
    std::size_t error_lines() const { return lines("awq: ") - lines("awq: note: ") - lines("awq: warning: "); }
    /// Lines on standard error that begin so.
    std::size_t lines(std::string_view begin) const
    {
        std::size_t count = 0;
        for (std::size_t at = 0; at < err.size(); at = std::min(err.find('\n', at), err.size()) + 1)
            count += std::string_view{err}.substr(at).starts_with(begin);
        return count;
    }
};

/// Runs a bash script in a directory. Variables: AWQ is the program, DATA the examples' data, MODEL the
/// small model there, TEXT a text to calibrate on.
inline shell_result shell(const scratch& directory, std::string_view script)
{
    const scratch streams;
    const std::string file = streams.put("script", script);
    const std::string command = "cd '" + directory.string() +
                                "' && AWQ='" AWQ_PROGRAM "' DATA='" AWQ_EXAMPLE_DATA "' MODEL='" AWQ_EXAMPLE_DATA
                                "/tiny-llama' TEXT='" AWQ_EXAMPLE_DATA "/calibration.txt' timeout 300 bash '" +
                                file + "' >'" + (streams / "out") + "' 2>'" + (streams / "err") + "'";
    const int ended = std::system(command.c_str());
    shell_result result;
    result.exit_code = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
    result.out = read(streams / "out");
    result.err = read(streams / "err");
    return result;
}

} // namespace test

#endif
