// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_TBB_EXECUTION_HPP
#define AWQ_EXECUTION_TBB_EXECUTION_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/execution/execution_concept.hpp>
#include <awq/execution/precision.hpp>

#include <tbb/parallel_for.h>

namespace awq {

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
        tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) { task(i); });
    }
};

static_assert(execution<tbb_execution>);

} // namespace awq

#endif
