// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_EXECUTION_THREAD_MACHINES_HPP
#define AWQ_TESTS_EXECUTION_THREAD_MACHINES_HPP

#include <awq/execution/machines.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace test {

/// Ranks that are threads of this process: messages are copies, in order between two of them.
class thread_machines : public awq::machines {
public:
    struct network {
        std::mutex busy;
        std::condition_variable news;
        std::map<std::pair<std::size_t, std::size_t>, std::deque<std::vector<std::byte>>> messages; ///< by from and to
        std::optional<std::string> failure;
    };

    thread_machines(std::size_t rank, std::size_t size, network& net) : machines(rank, size), net_(net) {}

    void fail(const awq::error& why) noexcept override
    {
        const std::lock_guard one{net_.busy};
        net_.failure = std::string{why.text()};
        net_.news.notify_all();
    }

protected:
    awq::status begin_send(std::size_t to, std::span<const std::byte> bytes) override
    {
        const std::lock_guard one{net_.busy};
        net_.messages[{rank(), to}].emplace_back(bytes.begin(), bytes.end());
        net_.news.notify_all();
        return {};
    }

    awq::status receive_all(std::size_t from, std::span<std::byte> bytes) override
    {
        std::unique_lock one{net_.busy};
        auto& waiting = net_.messages[{from, rank()}];
        net_.news.wait(one, [&] { return !waiting.empty() || net_.failure; });
        if (waiting.empty()) return awq::error{awq::error_code::unsupported, *net_.failure};
        if (waiting.front().size() != bytes.size()) return awq::error{awq::error_code::shape_mismatch, "a message"};
        std::ranges::copy(waiting.front(), bytes.begin());
        waiting.pop_front();
        return {};
    }

private:
    network& net_;
};

/// Runs `work(machines)` on so many ranks at once.
inline void on_machines(std::size_t count, const std::function<void(awq::machines&)>& work)
{
    thread_machines::network net;
    std::vector<std::thread> threads;
    for (std::size_t rank = 0; rank < count; ++rank)
        threads.emplace_back([&, rank] {
            thread_machines own{rank, count, net};
            work(own);
        });
    for (std::thread& each : threads) each.join();
}

} // namespace test

#endif
