// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_PROGRESS_LINES_HPP
#define AWQ_REPORT_PROGRESS_LINES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/progress.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string_view>

namespace awq {

/// Which events of a run become lines where no terminal shows a bar: messages, each tenth of the way, and
/// at least one line in half a minute, be it the last event once more. It takes the time, it asks no clock; and it
/// needs no memory, so that a thread beside the run can ask it.
class progress_lines {
public:
    using time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds longest_silence{30};

    explicit progress_lines(time start) noexcept : start_(start), shown_(start) {}

    /// Keeps an event; whether it is to be shown.
    bool hear(const progress_event& event, time now) noexcept
    {
        const std::size_t tenth = event.total == 0 ? 0 : event.done * 10 / event.total;
        const bool is_news = event.total == 0 || event.done == event.total || tenth != tenth_;
        tenth_ = tenth;
        done_ = event.done;
        total_ = event.total;
        const std::size_t length = std::min(event.step.size(), step_.size() - 1);
        std::copy_n(event.step.begin(), length, step_.begin());
        step_[length] = '\0';
        return show(is_news, now);
    }

    /// Whether the last event is to be shown once more, for nothing was since `longest_silence`.
    bool is_due(time now) noexcept { return show(false, now); }

    /// When that will be.
    time due() const noexcept { return shown_ + longest_silence; }

    /// The last event once more (its step cut to 500 bytes), with the seconds since the start:
    /// "[3/32] block 3: search (95 s)".
    std::string_view reminder(time now) noexcept
    {
        std::array<char, 48> count{};
        if (total_ != 0) std::snprintf(count.data(), count.size(), "[%zu/%zu] ", done_, total_);
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - start_).count();
        const int length = std::snprintf(line_.data(), line_.size(), "%s%s (%lld s)", count.data(), step_.data(),
                                         static_cast<long long>(seconds));
        return {line_.data(), std::min(static_cast<std::size_t>(std::max(length, 0)), line_.size() - 1)};
    }

private:
    bool show(bool is_news, time now) noexcept
    {
        if (!is_news && now < due()) return false;
        shown_ = now;
        return true;
    }

    time start_, shown_;
    std::size_t done_ = 0, total_ = 0, tenth_ = 0;
    std::array<char, 501> step_{'w', 'o', 'r', 'k', 'i', 'n', 'g'};
    std::array<char, 640> line_{};
};

} // namespace awq

#endif
