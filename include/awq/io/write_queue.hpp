// SPDX-License-Identifier: MIT
#ifndef AWQ_IO_WRITE_QUEUE_HPP
#define AWQ_IO_WRITE_QUEUE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/config.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace awq {

/// Writes in the background, one piece after the other, while the program computes. Who adds a piece waits only where
/// more than `most_bytes` are waiting: the disk is then what the run waits for.
class write_queue {
public:
    static constexpr std::size_t most_bytes = std::size_t{256} << 20;

    write_queue() = default;
    write_queue(const write_queue&) = delete;
    write_queue& operator=(const write_queue&) = delete;
    /// Does all that was added.
    ~write_queue()
    {
        {
            const std::lock_guard one{busy_};
            is_ending_ = true;
        }
        news_.notify_all();
        if (thread_.joinable()) thread_.join();
    }

    /// Does `write`, which holds so many bytes, soon; at once where the system has no thread for it. Any thread may.
    void add(std::size_t bytes, std::function<void()> write)
    {
        std::unique_lock one{busy_};
        if (!start()) {
            one.unlock();
            return write();
        }
        news_.wait(one, [&] { return waiting_bytes_ == 0 || waiting_bytes_ + bytes <= most_bytes; });
        pieces_.emplace_back(bytes, std::move(write));
        waiting_bytes_ += bytes;
        news_.notify_all();
    }

    /// Returns when all is done that was added before.
    void wait()
    {
        std::unique_lock one{busy_};
        const std::size_t last = done_ + pieces_.size();
        news_.wait(one, [&] { return done_ >= last; });
    }

private:
    using piece = std::pair<std::size_t, std::function<void()>>;

    bool start()
    {
        if (thread_.joinable()) return true;
#if AWQ_EXCEPTIONS
        try {
            thread_ = std::thread{[this] { run(); }};
        } catch (const std::system_error&) {
            return false;
        }
#else
        thread_ = std::thread{[this] { run(); }};
#endif
        return true;
    }

    /// What is being written stays at the front.
    void run()
    {
        std::unique_lock one{busy_};
        for (;;) {
            news_.wait(one, [&] { return is_ending_ || !pieces_.empty(); });
            if (pieces_.empty()) return;
            piece& next = pieces_.front(); // stays where it is while others are added behind it
            one.unlock();
            next.second();
            next.second = {};
            one.lock();
            waiting_bytes_ -= next.first;
            pieces_.pop_front();
            ++done_;
            news_.notify_all();
        }
    }

    std::mutex busy_;
    std::condition_variable news_;
    std::deque<piece> pieces_;
    std::size_t waiting_bytes_ = 0, done_ = 0;
    bool is_ending_ = false;
    std::thread thread_; ///< begins with the first piece
};

} // namespace awq

#endif
