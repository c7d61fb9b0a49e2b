// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_TEXT_BUDGET_HPP
#define AWQ_TEXT_TEXT_BUDGET_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>

#include <chrono>
#include <cstddef>
#include <ctime>

namespace awq {

/// What one text may cost a tokenizer, whose patterns and replacements come from a file: bytes that
/// its steps make or look at, and time in its patterns, of which a single one can be slow on a
/// single text. Both grow with the text, far beyond what real tokenizers need.
class text_budget {
public:
    text_budget() { begin(0); }

    /// A new text of so many bytes.
    void begin(std::size_t bytes)
    {
        left_ = (std::size_t{1} << 20) + 32 * bytes;
        allowed_ = std::chrono::milliseconds{500} + std::chrono::microseconds{2} * bytes;
        used_before_ = thread_time();
        look_again_ = clock::now() + allowed_;
    }

    /// Before so many bytes are made or looked at.
    status spend(std::size_t bytes)
    {
        if (bytes <= left_) {
            left_ -= bytes;
            return {};
        }
        left_ = 0;
        return error{error_code::unsupported, "the tokenizer makes too much of this text: its "
                                              "steps let the text grow without limit"};
    }
    std::size_t left() const noexcept { return left_; }

    /// While a pattern is matched. The thread's own time counts, so a busy machine changes nothing.
    status check_time()
    {
        if (++calls_ % 8 != 0) return {}; // a look at the clock costs as much as a short match
        const auto now = clock::now();
        if (now < look_again_) return {};
        const auto used = thread_time() - used_before_;
        if (used >= allowed_)
            return error{error_code::unsupported, "the tokenizer's patterns take too long on this "
                                                  "text"};
        look_again_ = now + (allowed_ - used);
        return {};
    }

private:
    using clock = std::chrono::steady_clock;

    static std::chrono::nanoseconds thread_time()
    {
        std::timespec now{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
    }

    std::size_t left_ = 0, calls_ = 0;
    std::chrono::nanoseconds allowed_{}, used_before_{};
    clock::time_point look_again_;
};

} // namespace awq

#endif
