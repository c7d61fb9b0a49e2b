// SPDX-License-Identifier: MIT
#ifndef AWQ_EXAMPLES_CONSOLE_HPP
#define AWQ_EXAMPLES_CONSOLE_HPP

#include <awq/report/progress_lines.hpp>
#include <awq/support/error.hpp>
#include <awq/support/notice.hpp>

#include <oneapi/tbb/global_control.h>

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

/// Exit codes of every subcommand.
enum exit_code { exit_done = 0, exit_failed = 1, exit_usage = 2 };

/// Prints the error as the one line of a failed run.
inline int fail(const awq::error& cause)
{
    std::fprintf(stderr, "awq: %.*s\n", static_cast<int>(cause.text().size()), cause.text().data());
    const bool usage = cause.code() == awq::error_code::invalid_argument;
    return usage ? exit_usage : exit_failed;
}

/// Prints a notice as one line of standard error, in the place of a progress bar that is drawn there.
inline void print_notice(const awq::notice& shown)
{
    const bool warns = shown.level == awq::notice::severity::warning;
    std::fprintf(stderr, "%sawq: %s: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", warns ? "warning" : "note",
                 shown.text.c_str());
}

/// Shows progress on standard error: a bar on a terminal; elsewhere plain lines, one in half a minute at least.
class console_progress {
public:
    console_progress()
    {
        if (terminal_) return;
        try {
            reminder_ = std::thread{[this] { remind(); }};
        } catch (const std::system_error&) {
            // Without a thread only the events themselves are shown.
        }
    }
    console_progress(const console_progress&) = delete;
    console_progress& operator=(const console_progress&) = delete;
    ~console_progress() { stop(); }

    void operator()(const awq::progress_event& event)
    {
        const std::lock_guard one{busy_};
        const bool is_news = lines_.hear(event, clock::now());
        if (terminal_ && event.total != 0)
            bar(event);
        else if (terminal_ || is_news)
            line(event);
    }

    void finish()
    {
        stop();
        if (terminal_) std::fputc('\n', stderr);
    }

private:
    using clock = std::chrono::steady_clock;

    /// Runs beside the work, whose next event may be minutes away.
    void remind()
    {
        std::unique_lock one{busy_};
        while (!ended_)
            if (wake_.wait_until(one, lines_.due()) == std::cv_status::timeout && !ended_ &&
                lines_.is_due(clock::now()))
                remind_once();
    }

    void stop()
    {
        {
            const std::lock_guard one{busy_};
            ended_ = true;
        }
        wake_.notify_all();
        if (reminder_.joinable()) reminder_.join();
    }

    void remind_once()
    {
        const std::string_view text = lines_.reminder(clock::now());
        std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
    }

    static void line(const awq::progress_event& event)
    {
        const int width = static_cast<int>(event.step.size());
        if (event.total == 0)
            std::fprintf(stderr, "%.*s\n", width, event.step.data());
        else
            std::fprintf(stderr, "[%zu/%zu] %.*s\n", event.done, event.total, width, event.step.data());
    }

    static void bar(const awq::progress_event& event)
    {
        constexpr std::size_t cells = 30;
        const std::size_t full = event.done * cells / event.total;
        const std::string drawn = std::string(full, '#') + std::string(cells - full, '.');
        std::fprintf(stderr, "\r[%s] %zu/%zu %-40.*s", drawn.c_str(), event.done, event.total,
                     static_cast<int>(event.step.size()), event.step.data());
        std::fflush(stderr);
    }

    bool terminal_ = isatty(STDERR_FILENO) != 0;
    std::mutex busy_;
    std::condition_variable wake_;
    awq::progress_lines lines_{clock::now()};
    bool ended_ = false;
    std::thread reminder_;
};

/// Limits TBB to so many threads from here on; 0 leaves the choice to TBB.
class thread_limit {
public:
    explicit thread_limit(std::size_t threads)
    {
        using control = tbb::global_control;
        if (threads == 0) return;
        // It is never given back: that takes memory, which may have run out.
        static const control* const limit = new control(control::max_allowed_parallelism, threads);
        static_cast<void>(limit);
    }
};

#endif
