// SPDX-License-Identifier: MIT
#ifndef AWQ_EXAMPLES_PROCESS_HPP
#define AWQ_EXAMPLES_PROCESS_HPP

#include "console.hpp"
#include "ranks.hpp"

#include <awq/io/unfinished_outputs.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

/// Opens the standard streams that whoever started the program has closed, so that no file that is opened
/// later becomes one of them.
inline void open_standard_streams()
{
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number)
        if (fcntl(number, F_GETFD) < 0 && errno == EBADF)
            static_cast<void>(open("/dev/null", O_RDWR)); // takes the lowest number, which is this one
}

/// The signals that end the program, with its outputs in order.
struct ending_signal {
    int number;
    const char* name;
};
inline constexpr std::array<ending_signal, 4> ending_signals{
    {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}, {SIGPIPE, "SIGPIPE"}}};

inline std::array<int, 2> signal_pipe{-1, -1};

extern "C" inline void tell_ending_thread(int number)
{
    const int before = errno;
    const auto byte = static_cast<unsigned char>(number);
    static_cast<void>(!write(signal_pipe[1], &byte, 1));
    errno = before;
}

/// Waits for a signal, then removes what is unfinished and ends the program as that signal would have.
inline void end_on_signal()
{
    unsigned char byte = 0;
    while (read(signal_pipe[0], &byte, 1) < 0 && errno == EINTR) {
    }
    for (const ending_signal& each : ending_signals) {
        if (each.number != SIGPIPE) std::signal(each.number, SIG_DFL); // another one ends it at once
        if (each.number != byte || byte == SIGPIPE) continue;
        const std::string line = std::string{isatty(STDERR_FILENO) ? "\n" : ""} + "awq: stopped by " + each.name +
                                 (is_one_of_several() ? ", as when another process of the run has died" : "") +
                                 (awq::keeps_unfinished_outputs() ? "; what is done stays for the next --resume\n"
                                                                  : "; unfinished outputs are removed\n");
        static_cast<void>(!write(STDERR_FILENO, line.data(), line.size()));
    }
    const awq::output_hold hold = awq::remove_unfinished_outputs();
    std::signal(byte, SIG_DFL);
    raise(byte);
}

/// From here on signals end the program in order. A signal that is ignored, as under nohup, stays so. A file
/// that becomes larger than allowed is an error like others, and no signal.
inline void watch_signals()
{
    std::signal(SIGXFSZ, SIG_IGN);
    if (pipe2(signal_pipe.data(), O_CLOEXEC) != 0) return;
    std::thread{end_on_signal}.detach();
    for (const ending_signal& each : ending_signals) {
        struct sigaction action {};
        if (sigaction(each.number, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
        action.sa_handler = tell_ending_thread;
        action.sa_flags = SA_RESTART;
        if (each.number != SIGPIPE) action.sa_flags |= static_cast<int>(SA_RESETHAND);
        sigaction(each.number, &action, nullptr);
    }
}

/// The exit code, once all that was printed has arrived.
inline int finish_printing(int code)
{
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    std::fprintf(stderr, "awq: standard output: not all could be written%s%s\n", errno != 0 ? ": " : "",
                 errno != 0 ? std::strerror(errno) : "");
    return code == exit_done ? exit_failed : code;
}

#endif
