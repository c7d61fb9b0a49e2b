// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_DRIVER_SHELL_HPP
#define AWQ_TESTS_DRIVER_SHELL_HPP

#include "io/scratch.hpp"

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/wait.h>

namespace test {

/// How a script ended and what it printed.
struct shell_result {
    int exit_code = -1; ///< as the shell gives it: 128 and the signal's number for a killed program
    std::string out, err;

    bool says(std::string_view part) const { return err.find(part) != std::string::npos; }
    /// Lines on standard error that the program itself wrote as its error.
    std::size_t error_lines() const
    {
        std::size_t count = err.starts_with("awq: ") ? 1 : 0;
        for (std::size_t at = err.find("\nawq: "); at != std::string::npos;
             at = err.find("\nawq: ", at + 1))
            ++count;
        return count;
    }
};

/// Runs a bash script in a directory. Variables: AWQ is the program, DATA the examples' data, MODEL the
/// small model there, TEXT a text to calibrate on.
inline shell_result shell(const scratch& directory, std::string_view script)
{
    const scratch streams;
    const std::string file = streams.put("script", script);
    const std::string command = "cd '" + directory.string() + "' && AWQ='" AWQ_PROGRAM "' DATA='" AWQ_EXAMPLE_DATA
                                "' MODEL='" AWQ_EXAMPLE_DATA "/tiny-llama' TEXT='" AWQ_EXAMPLE_DATA
                                "/calibration.txt' timeout 300 bash '" + file + "' >'" + (streams / "out") +
                                "' 2>'" + (streams / "err") + "'";
    const int ended = std::system(command.c_str());
    shell_result result;
    result.exit_code = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
    result.out = read(streams / "out");
    result.err = read(streams / "err");
    return result;
}

} // namespace test

#endif
