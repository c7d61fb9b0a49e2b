// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_TSAN_TBB_PARALLEL_FOR_H
#define AWQ_TESTS_TSAN_TBB_PARALLEL_FOR_H

#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

// Stands in for TBB's header where tests are built with ThreadSanitizer, which does not see how TBB's own library
// orders its tasks: the same calls of the body, on threads that begin and end here.
namespace tbb {

template <class Index, class Body>
void parallel_for(Index first, Index last, const Body& body)
{
    std::atomic<Index> next{first};
    std::exception_ptr thrown;
    std::mutex guard;
    const auto work = [&] {
        try {
            for (Index i = next++; i < last; i = next++) body(i);
        } catch (...) {
            const std::lock_guard hold{guard};
            thrown = std::current_exception();
        }
    };
    std::array<std::thread, 3> others;
    for (std::thread& other : others) other = std::thread{work};
    work();
    for (std::thread& other : others) other.join();
    if (thrown) std::rethrow_exception(thrown);
}

} // namespace tbb

#endif
