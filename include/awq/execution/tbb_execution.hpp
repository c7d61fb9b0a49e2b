// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_TBB_EXECUTION_HPP
#define AWQ_EXECUTION_TBB_EXECUTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/precision.hpp>

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>

namespace awq {

namespace detail {

/// Calls `run(task, first, last)` for parts of 0 to `count` on TBB's threads: TBB's templates are compiled once, not
/// for each task.
inline void split_by_tbb(std::size_t count, void* task, void (*run)(void*, std::size_t, std::size_t))
{
    tbb::parallel_for(tbb::blocked_range<std::size_t>{0, count},
                      [=](const tbb::blocked_range<std::size_t>& part) { run(task, part.begin(), part.end()); });
}

} // namespace detail

/// Does the work on TBB's threads. To limit their number, hold a `tbb::global_control` or call from
/// within a `tbb::task_arena`, as for any TBB code.
struct tbb_execution {
    using policy_axis = axis::execution;
    static constexpr std::string_view name = "tbb";

    precision operands = precision::float32; ///< of large products

    template <class Task>
    void for_each(std::size_t count, Task&& task) const
    {
        if (count == 1) return task(std::size_t{0});
        using called = std::remove_reference_t<Task>;
        detail::split_by_tbb(count, const_cast<std::remove_const_t<called>*>(std::addressof(task)),
                             [](void* one, std::size_t first, std::size_t last) {
                                 for (; first != last; ++first) (*static_cast<called*>(one))(first);
                             });
    }
};

static_assert(execution<tbb_execution>);

} // namespace awq

#endif
